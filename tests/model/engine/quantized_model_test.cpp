// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole answers in int8 and int4: each step beside the reference's, and the embedded model's
// answers beside its own in float32.
#include "model/engine/model.h"
#include "model/vision/image_file.h"
#include "tests/support/fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>

#include <cstdio>

namespace vlm {
namespace {

using test::Fixture;

std::shared_ptr<const Model> load(const std::string &path, const std::string &precision) {
  return Model::load({path, "cpu", precision, 0});
}

double cosine(const at::Tensor &a, const at::Tensor &b) {
  return ((a * b).sum() / (a.norm() * b.norm())).item<double>();
}

struct Bounds {
  const char *precision;
  double features, tokens, logits; // cosines with the reference's
};

// Each product adds about one percent of noise (compute's tests have the figures), which leaves the
// towers at .9997 and more. Int4 is measured on random weights here, the hardest for few bits: at
// least .888, of int8 at least .988.
class QuantizedModel : public ::testing::TestWithParam<Bounds> {};

TEST_P(QuantizedModel, EveryStepStaysNearTheReference) {
  const Bounds &bounds = GetParam();
  for (const std::string name : test::kReferenceModels) {
    const auto model = load(test::data(name + "/model"), bounds.precision);
    EXPECT_EQ(model->info().precision, bounds.precision);
    const auto prompt = test::read_json(name + "/case.json")["prompts"][0];
    Request request;
    request.question = prompt["question"];
    request.max_tokens = 1;
    for (const auto &path : prompt["images"])
      request.images.push_back(load_image(test::data(name + "/" + path.get<std::string>())));
    request.dump_path =
        test::own_path(std::string("dump-") + bounds.precision + "-" + name + ".safetensors");
    model->generate(request);
    const SafetensorsFile dump(request.dump_path);
    const Fixture expected(name + "/expected.safetensors");
    const auto near = [&](const char *tensor, double bound) {
      if (!expected.contains("p0." + std::string(tensor)))
        return;
      const double got = cosine(dump.load(tensor), expected["p0." + std::string(tensor)]);
      std::printf("%-10s %s %-20s cosine %.5f\n", name.c_str(), bounds.precision, tensor, got);
      EXPECT_GE(got, bound) << name << " " << tensor;
    };
    for (const char *tensor : {"vision_features", "vision_aux_features", "mined"})
      near(tensor, bounds.features);
    near("visual_tokens", bounds.tokens);
    near("logits", bounds.logits);
    std::remove(request.dump_path.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, QuantizedModel,
                         ::testing::Values(Bounds{"int8", 0.9995, 0.9995, 0.98},
                                           Bounds{"int4", 0.9995, 0.9995, 0.85}),
                         [](const auto &info) { return std::string(info.param.precision); });

std::vector<std::string> answers(const Model &model) {
  std::vector<std::string> out;
  for (const char *picture : {"../../pipelines/captioned.jpg", "gemma/images/landscape.png",
                              "gemma/images/portrait.png"}) {
    Request request;
    request.images.push_back(load_image(test::data(picture)));
    for (const char *question :
         {"What is in the picture?", "What color is the square?", "What does the sign say?",
          "Is there a cat?", "How many things are there?", "What is on the left?"}) {
      request.question = question;
      out.push_back(model.generate(request).text);
    }
  }
  return out;
}

TEST(QuantizedEmbedded, AnswersAsInFloat32) {
  const std::vector<std::string> want = answers(*load("", "float32"));
  for (const char *precision : {"int8", "int4"}) {
    const std::vector<std::string> got = answers(*load("", precision));
    long same = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      same += got[i] == want[i];
      if (got[i] != want[i])
        std::printf("%s: \"%s\" instead of \"%s\"\n", precision, got[i].c_str(), want[i].c_str());
    }
    std::printf("embedded %s: %ld of %zu answers are those of float32\n", precision, same,
                want.size());
    EXPECT_GE(same, precision == std::string("int8") ? 17 : 15); // measured: 18 and 16
  }
}

} // namespace
} // namespace vlm
