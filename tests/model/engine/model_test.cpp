// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole answers of every reference checkpoint against the reference implementation's.
#include "model/engine/model.h"
#include "model/vision/image_file.h"
#include "tests/support/fixture.h"

#include <ATen/ops/argmax.h>

#include <cstdio>

namespace vlm {
namespace {

using nlohmann::json;
using test::Fixture;

std::vector<int64_t> to_ids(const at::Tensor &tensor) {
  const at::Tensor flat = tensor.to(at::kLong).flatten().contiguous();
  return {flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel()};
}

Request make_request(const std::string &name, const json &prompt) {
  Request request;
  request.question = prompt["question"];
  request.max_tokens = prompt["max_tokens"];
  for (const json &turn : prompt["turns"])
    request.turns.push_back({turn[0], turn[1].get<std::string>()});
  for (const json &path : prompt["images"])
    request.images.push_back(load_image(test::data(name + "/" + path.get<std::string>())));
  request.dump_path = test::own_path("dump-" + name + ".safetensors");
  return request;
}

class Parity : public ::testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    name_ = GetParam();
    case_ = test::read_json(name_ + "/case.json");
    model_ = Model::load({test::data(name_ + "/model"), "cpu", "float32", 0});
  }
  double atol(const std::string &tensor) const { return case_["tolerances"][tensor]["atol"]; }

  void compare_answer(const json &prompt, const Fixture &expected, const std::string &p,
                      const Result &result) {
    EXPECT_EQ(result.prompt, prompt["prompt"]);
    EXPECT_EQ(result.input_ids, to_ids(expected[p + "input_ids"]));
    EXPECT_EQ(result.output_ids, to_ids(expected[p + "output_ids"]));
    EXPECT_EQ(result.text, prompt["text"]);
    EXPECT_EQ(name(result.stop_reason), prompt["stop_reason"]);
    EXPECT_EQ(result.prompt_positions, prompt["prompt_positions"]);
    const at::Tensor logprobs = expected[p + "token_logprobs"];
    ASSERT_EQ(static_cast<int64_t>(result.token_logprobs.size()), logprobs.numel());
    for (int64_t i = 0; i < logprobs.numel(); ++i)
      EXPECT_NEAR(result.token_logprobs[size_t(i)], logprobs[i].item().toDouble(),
                  atol("token_logprobs"));
  }

  void compare_dump(const Fixture &expected, const std::string &p, const std::string &path) {
    const SafetensorsFile dump(path);
    for (const char *tensor : {"images", "images_aux", "vision_features", "vision_aux_features",
                               "mined", "visual_tokens", "inputs_embeds", "logits"}) {
      if (!expected.contains(p + tensor))
        continue;
      double largest = 0;
      EXPECT_TRUE(test::near(dump.load(tensor), expected[p + tensor], atol(tensor), &largest))
          << tensor;
      std::printf("%-10s %s%-20s largest difference %.3g (allowed %.3g)\n", name_.c_str(),
                  p.c_str(), tensor, largest, atol(tensor));
    }
  }

  std::string name_;
  json case_;
  std::shared_ptr<const Model> model_;
};

TEST_P(Parity, WithTheReference) {
  const Fixture expected(name_ + "/expected.safetensors");
  EXPECT_EQ(model_->info().template_name, case_["template"]);
  int number = 0;
  for (const json &prompt : case_["prompts"]) {
    const std::string p = "p" + std::to_string(number++) + ".";
    SCOPED_TRACE(p);
    const Request request = make_request(name_, prompt);
    compare_answer(prompt, expected, p, model_->generate(request));
    compare_dump(expected, p, request.dump_path);
    std::remove(request.dump_path.c_str());
  }
}

TEST_P(Parity, StreamsTheWholeText) {
  Request request = make_request(name_, case_["prompts"][0]);
  request.dump_path.clear();
  std::string streamed;
  request.on_text = [&](const std::string &text) { streamed += text; };
  const Result result = model_->generate(request);
  EXPECT_EQ(streamed, result.text);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Parity, ::testing::ValuesIn(test::kReferenceModels),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = c == '-' ? '_' : c;
                           return name;
                         });

// The whole way of a picture in bfloat16, with the reference's prompt given; over all cases, as in
// decoder_test.cpp.
TEST(Bfloat16, MostChoicesAreTheReferences) {
  int64_t same = 0, all = 0;
  for (const std::string name : test::kReferenceModels) {
    const auto model = Model::load({test::data(name + "/model"), "cpu", "bfloat16", 0});
    EXPECT_EQ(model->info().precision, "bfloat16");
    Request request = make_request(name, test::read_json(name + "/case.json")["prompts"][0]);
    ASSERT_FALSE(request.images.empty());
    request.max_tokens = 1;
    model->generate(request);
    const Fixture expected(name + "/expected.safetensors");
    const at::Tensor got = SafetensorsFile(request.dump_path).load("logits");
    const at::Tensor equal = at::argmax(got, -1).eq(at::argmax(expected["p0.logits"], -1));
    std::remove(request.dump_path.c_str());
    std::printf("%-10s bfloat16 with a picture: %ld of %ld positions agree\n", name.c_str(),
                static_cast<long>(equal.sum().item<int64_t>()), static_cast<long>(equal.numel()));
    same += equal.sum().item<int64_t>();
    all += equal.numel();
  }
  EXPECT_GE(static_cast<double>(same), 0.98 * static_cast<double>(all));
}

} // namespace
} // namespace vlm
