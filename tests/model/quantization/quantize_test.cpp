// SPDX-License-Identifier: LGPL-2.1-or-later
// Quantised directories beside their sources, beside what the same packing gives in memory, stopped
// and taken up again, damaged, refused.
#include "model/core/utf8.h"
#include "model/engine/model.h"
#include "model/language/decoder.h"
#include "model/quantization/input_statistics.h"
#include "model/quantization/material.h"
#include "model/quantization/overlay_state_dict.h"
#include "model/quantization/quantize_model.h"
#include "model/vision/image_file.h"
#include "model/vision/vision_model.h"
#include "model/weights/checkpoint.h"
#include "model/weights/model_config.h"
#include "tests/model/weights/scratch.h"
#include "tests/support/fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/linear.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <sys/resource.h>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::expect_error;
using test::Scratch;

QuantizeReport quantize(
    const std::string &model, const std::string &output,
    Quantization precision = Quantization::Int8,
    const QuantizeProgress &progress = [](int64_t, int64_t, auto &) {},
    const CancelToken &cancel = {}) {
  const auto picture = [] { return load_image(test::data("gemma/images/landscape.png")); };
  return quantize_model({model, output, precision, {picture}, {}, 0}, progress, cancel);
}

std::string fixture(const std::string &name) { return test::data(name + "/model"); }

const char *name_of(Quantization kind) { return kind == Quantization::Int8 ? "int8" : "int4"; }

std::shared_ptr<const Model> load(const std::string &path, const std::string &precision = "auto",
                                  const std::string &device = "cpu") {
  return Model::load({path, device, precision, 0});
}

// What answering the case's first question left behind: its tensors, by the names of Request's
// dump.
class Answered {
public:
  Answered(const Model &model, const std::string &name, const Scratch &scratch) {
    const auto prompt = test::read_json(name + "/case.json")["prompts"][0];
    Request request;
    request.question = prompt["question"];
    request.max_tokens = 4;
    for (const auto &path : prompt["images"])
      request.images.push_back(load_image(test::data(name + "/" + path.get<std::string>())));
    request.dump_path = scratch.path("dump.safetensors");
    text = model.generate(request).text;
    const SafetensorsFile file(request.dump_path);
    for (const auto &[tensor, info] : file.tensors())
      tensors[tensor] = file.load(tensor);
  }
  std::string text;
  std::map<std::string, at::Tensor> tensors;
};

double cosine(const at::Tensor &a, const at::Tensor &b) {
  return ((a * b).sum() / (a.norm() * b.norm())).item<double>();
}

// The source with its matrices packed in memory, by the smoothing vectors of the directory.
OverlayStateDict packed_in_memory(const Checkpoint &source, bool tied, const std::string &made) {
  const Checkpoint checkpoint(made);
  const json record = json::parse(read_file(made + "/calibration.json"));
  OverlayStateDict out(source);
  for (const auto &linear : record["linears"]) {
    const std::string name = linear["name"], form = linear["form"];
    const std::string weight =
        name == "lm_head" && tied ? "model.embed_tokens.weight" : name + ".weight";
    const std::vector<int64_t> shape = source.shape(weight);
    if (form == "bfloat16")
      continue;
    const at::Tensor smoothing = checkpoint.contains(name + ".smoothing")
                                     ? checkpoint.load(name + ".smoothing", at::kFloat)
                                     : at::Tensor();
    if (form == "int4") { // depends on what calibration saw
      for (const std::string part : {"qweight", "scales"})
        out.set(name + "." + part,
                checkpoint.load(name + "." + part, part == "scales" ? at::kFloat : at::kByte));
      if (smoothing.defined())
        out.set(name + ".smoothing", smoothing);
      continue;
    }
    const at::Tensor exact = source.load(weight, at::kFloat);
    const at::Tensor values = smoothing.defined() ? exact / smoothing : exact;
    const bool twice = form.find("activations twice") != std::string::npos;
    const QuantizedWeight packed(
        Quantization::Int8, shape[0], shape[1],
        [&](int64_t first, int64_t count) { return values.narrow(0, first, count); },
        {{}, twice ? 2 : 1});
    for (const auto &[what, tensor] : packed.tensors())
      out.set(name + "." + what, tensor);
    if (smoothing.defined())
      out.set(name + ".smoothing", smoothing);
  }
  return out;
}

at::Tensor all_logits(const Decoder &decoder, const at::Tensor &embeds) {
  KvCache cache(decoder.config());
  return decoder.logits(decoder.forward(embeds, cache));
}

TEST(Material, PiecesAreEvenlyChosen) {
  EXPECT_TRUE(pieces_of({}).empty());
  EXPECT_EQ(pieces_of({"short", ""}), std::vector<std::string>{"short"});
  std::string numbers;
  for (int i = 0; i < 100000; ++i)
    numbers += std::to_string(i) + "\u00e4 ";
  const std::vector<std::string> pieces = pieces_of({numbers, "one", numbers});
  ASSERT_EQ(pieces.size(), kMostPieces / 3 * 2 + 1);
  EXPECT_EQ(pieces[kMostPieces / 3], "one");
  for (const std::string &piece : pieces) {
    EXPECT_LE(piece.size(), kPieceBytes);
    EXPECT_TRUE(utf8_valid(piece));
  }
  EXPECT_EQ(pieces[0].substr(0, 4), "0\u00e4 ");
  EXPECT_GT(numbers.find(pieces[kMostPieces / 3 - 1]), numbers.size() * 3 / 4);
}

// In the same company whatever calls they came in; what errors are measured on is not learnt.
TEST(InputRecorder, LearnsFromRowsThatAreNotInItsSample) {
  const at::Tensor x =
      at::arange(10 * 6, at::kFloat).view({10, 6}).sin().to(at::kBFloat16).to(at::kFloat);
  InputRecorder whole(256), parts(256);
  whole.saw("a", x);
  for (const auto &[first, count] : {std::pair{0, 3}, {3, 1}, {4, 6}})
    parts.saw("a", x.narrow(0, first, count));
  whole.saw("c", x); // as queries, keys and values have one input
  EXPECT_EQ(whole.of("c")->moments, whole.of("a")->moments);
  parts.saw("b", x.narrow(0, 4, 6)); // the tensor that "a" saw last, at another place
  const at::Tensor sample = x.slice(0, 0, 10, 4);
  const at::Tensor want = at::linear(x.t(), x.t()) - at::linear(sample.t(), sample.t());
  for (const InputRecorder *recorder : {&whole, &parts}) {
    const InputStatistics &seen = *recorder->of("a");
    EXPECT_TRUE(seen.sample.equal(sample));
    EXPECT_EQ(seen.moments->rows, 7);
    EXPECT_LT((seen.moments->sums.narrow(1, 0, 6) - want).abs().max().item<float>(), 1e-5);
  }
  EXPECT_EQ(parts.of("b")->moments->rows, 4);
  EXPECT_TRUE(parts.of("b")->sample.equal(x.narrow(0, 4, 6).slice(0, 0, 6, 4)));
}

class Quantized : public ::testing::TestWithParam<Quantization> {};

TEST_P(Quantized, ADirectoryAnswersAsItsCounterpartInMemory) {
  const c10::InferenceMode inference;
  for (const std::string name : {"gemma", "mixtral", "yi"}) {
    SCOPED_TRACE(name);
    const Scratch scratch;
    const std::string made = scratch.path("made");
    const QuantizeReport report = quantize(fixture(name), made, GetParam());
    const auto model = load(made);
    EXPECT_EQ(model->info().precision, name_of(GetParam()));
    EXPECT_EQ(model->info().digest, report.digest);
    EXPECT_EQ(model->info().weight_bytes, report.bytes);
    const Answered answered(*model, name, scratch);

    const Checkpoint source(fixture(name));
    const ModelConfig config = read_model_config(fixture(name), source);
    const OverlayStateDict dict =
        packed_in_memory(source, config.decoder.tie_word_embeddings, made);
    const Scope scope(dict, at::kBFloat16);
    const Checkpoint directory(made);
    const at::Tensor embeds = answered.tensors.at("inputs_embeds");
    const Decoder stored(Scope(directory, at::kBFloat16),
                         read_model_config(made, directory).decoder);
    EXPECT_TRUE(
        all_logits(stored, embeds).equal(all_logits(Decoder(scope, config.decoder), embeds)));
    const VisionModel vision(scope.sub("model"), config.vision, config.decoder.hidden_size);
    const VisionFeatures seen =
        vision({answered.tensors.at("images"), answered.tensors.at("images_aux")});
    EXPECT_TRUE(seen.visual_tokens.equal(answered.tensors.at("visual_tokens")));
  }
}

// The same bounds as for packing at load, and no worse than that (engine/quantized_model_test).
TEST_P(Quantized, ADirectoryStaysNearTheReference) {
  const bool int8 = GetParam() == Quantization::Int8;
  for (const std::string name : {"vicuna", "gemma"}) {
    const Scratch scratch;
    const QuantizeReport report = quantize(fixture(name), scratch.path("made"), GetParam());
    const Answered answered(*load(scratch.path("made")), name, scratch);
    const test::Fixture expected(name + "/expected.safetensors");
    const double tokens =
        cosine(answered.tensors.at("visual_tokens"), expected["p0.visual_tokens"]);
    const double logits = cosine(answered.tensors.at("logits"), expected["p0.logits"]);
    std::printf("[   parity ] %s %s: visual tokens %.5f, logits %.5f, perplexity %.2f to %.2f\n",
                name.c_str(), name_of(GetParam()), tokens, logits, report.perplexity,
                report.quantized_perplexity);
    EXPECT_GE(tokens, 0.9995);
    EXPECT_GE(logits, int8 ? 0.98 : 0.85);
    EXPECT_GT(report.tokens, 1000);
    for (const LinearReport &linear : report.linears)
      EXPECT_LT(linear.error, linear.form == "int4" ? 0.15 : 0.03) << linear.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Quantized,
                         ::testing::Values(Quantization::Int8, Quantization::Int4),
                         [](const auto &info) { return name_of(info.param); });

std::map<std::string, std::string> contents(const fs::path &folder) {
  std::map<std::string, std::string> out;
  for (const auto &entry : fs::directory_iterator(folder))
    out[entry.path().filename()] = read_file(entry.path());
  return out;
}

TEST(Quantize, StoppedAnywhereItGoesOnToTheSameBytes) {
  const Scratch scratch;
  quantize(fixture("gemma"), scratch.path("whole"), Quantization::Int4);
  const auto whole = contents(scratch.path("whole"));
  EXPECT_EQ(whole.count("state.safetensors"), 0u);
  int64_t most = 0;
  int stops = 0;
  for (bool stopped = true; stopped;) {
    // Each run gets a little further: it stops at the first matrix of the second part it works on.
    const CancelToken cancel;
    int64_t first = -1;
    const auto progress = [&](int64_t done, int64_t total, const std::string &) {
      EXPECT_LT(done, total);
      EXPECT_GE(done, most); // nothing is done twice
      if (first < 0)
        first = done;
      most = std::max(most, done);
      if (done > first)
        cancel.cancel();
    };
    stopped = false;
    try {
      quantize(fixture("gemma"), scratch.path("parts"), Quantization::Int4, progress, cancel);
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), ErrorCategory::Cancelled);
      EXPECT_FALSE(fs::exists(scratch.path("parts")));
      EXPECT_TRUE(fs::exists(scratch.path("parts.partial")));
      // Hidden states take gigabytes: none are kept but those of the state and of the next one.
      const fs::directory_iterator states(scratch.path("parts.partial/states")), end;
      EXPECT_LE(std::distance(states, end), 2);
      stopped = true;
      ++stops;
    }
  }
  EXPECT_GE(stops, 2);
  EXPECT_FALSE(fs::exists(scratch.path("parts.partial")));
  EXPECT_TRUE(contents(scratch.path("parts")) == whole);
}

/// As long as it lives, files cannot grow beyond a kilobyte, as if the disk were full.
class FullDisk {
public:
  FullDisk() : before_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit small = {1024, limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    signal(SIGXFSZ, before_);
  }
  FullDisk(const FullDisk &) = delete;
  FullDisk &operator=(const FullDisk &) = delete;

private:
  rlimit limit_{};
  void (*before_)(int);
};

TEST(Quantize, AFullDiskKeepsWhatWasFinished) {
  const Scratch scratch;
  const std::string made = scratch.path("made");
  {
    const FullDisk full;
    expect_error(ErrorCategory::Unreadable, {"made.partial/model-vision", "cannot write"},
                 [&] { quantize(fixture("vicuna"), made); });
  }
  EXPECT_FALSE(fs::exists(made + ".partial")) << "nothing was finished";

  const CancelToken cancel;
  const auto stop = [&](int64_t done, int64_t, const std::string &) {
    if (done == 2)
      cancel.cancel();
  };
  const std::vector<std::string> hint = {"made.partial", "the same command goes on from there"};
  expect_error(ErrorCategory::Cancelled, hint,
               [&] { quantize(fixture("vicuna"), made, Quantization::Int8, stop, cancel); });
  {
    const FullDisk full;
    expect_error(ErrorCategory::Unreadable, {"made.partial/states/3/", "cannot write", hint[1]},
                 [&] { quantize(fixture("vicuna"), made); });
  }
  EXPECT_FALSE(fs::exists(made));
  quantize(fixture("vicuna"), made, Quantization::Int8,
           [](int64_t done, int64_t, const std::string &) { EXPECT_GE(done, 2); });
  quantize(fixture("vicuna"), scratch.path("whole"));
  EXPECT_TRUE(contents(made) == contents(scratch.path("whole")));
}

TEST(Quantize, WhatAnotherJobLeftIsNotMixedIn) {
  const Scratch scratch;
  const CancelToken cancel;
  const auto stop = [&](int64_t done, int64_t, const std::string &) {
    if (done == 2)
      cancel.cancel();
  };
  EXPECT_THROW(quantize(fixture("vicuna"), scratch.path("made"), Quantization::Int8, stop, cancel),
               Error);
  quantize(fixture("vicuna"), scratch.path("made"), Quantization::Int4);
  quantize(fixture("vicuna"), scratch.path("fresh"), Quantization::Int4);
  EXPECT_TRUE(contents(scratch.path("made")) == contents(scratch.path("fresh")));
}

TEST(Quantize, RefusesByName) {
  const Scratch scratch;
  expect_error(ErrorCategory::NotFound, {"no/such"},
               [&] { quantize("no/such", scratch.path("x")); });
  scratch.write("there/file", "mine");
  expect_error(ErrorCategory::Settings, {"there", "exists already"},
               [&] { quantize(fixture("vicuna"), scratch.path("there")); });
  EXPECT_EQ(read_file(scratch.path("there/file")), "mine");
  expect_error(ErrorCategory::Unreadable, {"/proc/made"},
               [&] { quantize(fixture("vicuna"), "/proc/made"); });
  quantize(fixture("vicuna"), scratch.path("made"));
  expect_error(ErrorCategory::Unsupported, {scratch.path("made"), "quantised already"},
               [&] { quantize(scratch.path("made"), scratch.path("again")); });
  EXPECT_FALSE(fs::exists(scratch.path("again")));
  EXPECT_FALSE(fs::exists(scratch.path("again.partial")));

  // Its configuration by itself does not make it one that is not quantised.
  auto config = nlohmann::json::parse(read_file(scratch.path("made/config.json")));
  config.erase("quantization_config");
  scratch.write("made/config.json", config.dump());
  const std::vector<std::string> named = {scratch.path("made/config.json"), "quantization_config",
                                          ".qweight"};
  expect_error(ErrorCategory::Format, named,
               [&] { quantize(scratch.path("made"), scratch.path("again")); });
  expect_error(ErrorCategory::Format, named, [&] { load(scratch.path("made"), "auto"); });
  EXPECT_FALSE(fs::exists(scratch.path("again.partial")));
}

// Of each they see several views.
TEST(Quantize, HdModelsAreMeasuredOnFewerPictures) {
  const Scratch scratch;
  const auto pictures = [&](const std::string &model) {
    QuantizeOptions options{fixture(model), scratch.path(model), Quantization::Int8, {}, {}, 0};
    const auto picture = [] { return load_image(test::data("gemma/images/landscape.png")); };
    options.pictures.assign(20, picture);
    quantize_model(options, [](int64_t, int64_t, auto &) {}, {});
    return json::parse(read_file(scratch.path(model + "/calibration.json")))["pictures"];
  };
  EXPECT_EQ(pictures("vicuna"), 16);
  EXPECT_EQ(pictures("vicuna-hd"), 3);
}

TEST(Quantize, ABrokenPictureLeavesNothingBehind) {
  const Scratch scratch;
  QuantizeOptions options{fixture("vicuna"), scratch.path("made"), Quantization::Int8, {}, {}, 0};
  options.pictures.push_back([&] { return load_image(scratch.write("bad.png", "no picture")); });
  expect_error(ErrorCategory::Format, {"bad.png"},
               [&] { quantize_model(options, [](int64_t, int64_t, auto &) {}, {}); });
  EXPECT_FALSE(fs::exists(scratch.path("made")));
  EXPECT_FALSE(fs::exists(scratch.path("made.partial")));
}

TEST(Quantize, OtherPrecisionsAreRefusedWhenItIsLoaded) {
  const Scratch scratch;
  quantize(fixture("vicuna"), scratch.path("made"));
  EXPECT_EQ(load(scratch.path("made"), "int8")->info().precision, "int8");
  for (const std::string precision : {"int4", "bfloat16", "float32"})
    expect_error(ErrorCategory::Settings, {precision, "int8"},
                 [&] { load(scratch.path("made"), precision); });
}

TEST(Quantize, DamagedFilesNameTheTensor) {
  const Scratch scratch;
  quantize(fixture("vicuna"), scratch.path("made"));
  const std::string shard = scratch.path("made/model-layer-0001.safetensors");
  const std::string good = read_file(shard), name = "model.layers.1.mlp.up_proj";
  const auto write_with = [&](const std::string &tensor,
                              const std::function<void(char *)> &damage) {
    std::string bytes = good;
    damage(&bytes[SafetensorsFile(shard).info(tensor).offset]);
    scratch.write("made/model-layer-0001.safetensors", bytes);
  };
  const auto refused = [&](const std::string &tensor) {
    expect_error(ErrorCategory::Format, {"model-layer-0001.safetensors", tensor},
                 [&] { load(scratch.path("made")); });
    scratch.write("made/model-layer-0001.safetensors", good);
  };
  write_with(name + ".qweight", [](char *at) { at[77] ^= 1; });
  refused(name + ".qweight");
  write_with(name + ".scales", [](char *at) { at[2] = at[3] = '\x7f', at[2] = '\xff'; });
  refused(name + ".scales");
  scratch.write("made/model-layer-0001.safetensors", good.substr(0, good.size() - 10));
  refused("");
  std::string renamed = good;
  for (size_t at; (at = renamed.find("up_proj.scales")) != std::string::npos;)
    renamed.replace(at, 14, "up_proj.scalez");
  scratch.write("made/model-layer-0001.safetensors", renamed);
  refused("up_proj.scale");
}

} // namespace
} // namespace vlm
