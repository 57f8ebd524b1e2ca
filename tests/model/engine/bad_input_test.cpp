// SPDX-License-Identifier: LGPL-2.1-or-later
// Unusable options, questions and checkpoints: every message names the culprit.
#include "model/engine/load.h"
#include "model/engine/model.h"
#include "tests/support/fixture.h"

#include <filesystem>
#include <fstream>

namespace vlm {
namespace {

namespace fs = std::filesystem;

void expect_error(ErrorCategory category, const std::string &part,
                  const std::function<void()> &call) {
  try {
    call();
    FAIL() << "no error; expected one naming " << part;
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), category) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

ModelOptions options(const std::string &path) { return {path, "cpu", "float32", 0}; }

TEST(Options, NamesWhatIsWrong) {
  const std::string good = test::data("llama3/model");
  const auto with = [&](auto change) {
    ModelOptions o = options(good);
    change(o);
    return [o] { check_options(o); };
  };
  expect_error(ErrorCategory::Settings, "\"float17\"",
               with([](auto &o) { o.precision = "float17"; }));
  expect_error(ErrorCategory::Settings, "\"int7\"", with([](auto &o) { o.precision = "int7"; }));
  expect_error(ErrorCategory::Unavailable, "precision int4 on device cuda:1", with([](auto &o) {
                 o.precision = "int4";
                 o.device = "cuda:1";
               }));
  expect_error(ErrorCategory::Settings, "\"tpu\"", with([](auto &o) { o.device = "tpu"; }));
  expect_error(ErrorCategory::Settings, "-3", with([](auto &o) { o.threads = -3; }));
  expect_error(ErrorCategory::Settings, "1025", with([](auto &o) { o.threads = 1025; }));
  expect_error(ErrorCategory::NotFound, "/no/such", with([](auto &o) { o.path = "/no/such"; }));
  expect_error(ErrorCategory::Format, "config.json",
               with([&](auto &o) { o.path = good + "/config.json"; }));
}

/// A copy of a checkpoint that a test may damage.
class Damaged : public ::testing::Test {
protected:
  void SetUp() override {
    directory_ = test::own_path("damaged");
    fs::remove_all(directory_);
    fs::copy(test::data("llama3/model"), directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }
  void write(const std::string &file, const std::string &text) {
    std::ofstream(directory_ / file, std::ios::trunc) << text;
  }
  std::function<void()> load() {
    return [this] { Model::load(options(directory_)); };
  }
  fs::path directory_;
};

TEST_F(Damaged, EmptyDirectory) {
  fs::remove_all(directory_);
  fs::create_directory(directory_);
  expect_error(ErrorCategory::NotFound, "config.json", load());
}

TEST_F(Damaged, UnknownArchitecture) {
  nlohmann::json config = nlohmann::json::parse(read_file(directory_ / "config.json"));
  config["architectures"] = {"MGMWhateverForCausalLM"};
  write("config.json", config.dump());
  expect_error(ErrorCategory::Unsupported, "MGMWhateverForCausalLM", load());
  expect_error(ErrorCategory::Unsupported, "MGMWhateverForCausalLM",
               [this] { check_options(options(directory_)); });
}

TEST_F(Damaged, TokenizerMissingOrBroken) {
  write("tokenizer.json", "{\"model\": 7}");
  expect_error(ErrorCategory::Format, "tokenizer.json", load());
  fs::remove(directory_ / "tokenizer.json");
  expect_error(ErrorCategory::NotFound, "tokenizer", load());
}

TEST_F(Damaged, TruncatedShard) {
  for (const auto &entry : fs::directory_iterator(directory_))
    if (entry.path().extension() == ".safetensors")
      fs::resize_file(entry.path(), fs::file_size(entry.path()) - 1);
  expect_error(ErrorCategory::Format, "safetensors", load());
}

// Weights are copied, not mapped: whoever writes over the files does not bring a process down.
TEST_F(Damaged, FilesMayChangeUnderALoadedModel) {
  for (const char *precision : {"float32", "bfloat16"}) {
    SetUp();
    const auto model = Model::load({directory_, "cpu", precision, 0});
    Request request;
    request.question = "What?";
    request.max_tokens = 4;
    const auto before = model->generate(request).output_ids;
    for (const auto &entry : fs::directory_iterator(directory_))
      fs::resize_file(entry.path(), 1);
    EXPECT_EQ(model->generate(request).output_ids, before) << precision;
  }
}

class Questions : public ::testing::Test {
protected:
  static void SetUpTestSuite() { model_ = Model::load(options(test::data("llama3/model"))); }
  static void TearDownTestSuite() { model_.reset(); }
  static std::function<void()> asking(std::function<void(Request &)> change) {
    return [change] {
      Request request;
      request.question = "What?";
      request.max_tokens = 2;
      change(request);
      model_->generate(request);
    };
  }
  static Image picture(int width, int height) {
    return {width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3, 90)};
  }
  static std::shared_ptr<const Model> model_;
};
std::shared_ptr<const Model> Questions::model_;

TEST_F(Questions, NameWhatIsWrong) {
  expect_error(ErrorCategory::Data, "empty", asking([](auto &r) { r.question = ""; }));
  expect_error(ErrorCategory::Data, "byte 2", asking([](auto &r) { r.question = "ab\xFF"; }));
  expect_error(ErrorCategory::Settings, "no_such_template",
               asking([](auto &r) { r.template_name = "no_such_template"; }));
  expect_error(ErrorCategory::Data, "2 <image> marks", asking([](auto &r) {
                 r.question = "<image> and <image>";
                 r.images = {};
               }));
  expect_error(ErrorCategory::Data, "<image>", asking([](auto &r) {
                 r.question = "and <image>?";
                 r.images = {picture(4, 4)};
               }));
  expect_error(ErrorCategory::Settings, "temperature",
               asking([](auto &r) { r.sampling.temperature = -1; }));
  expect_error(ErrorCategory::Settings, "-1", asking([](auto &r) { r.threads = -1; }));
  expect_error(ErrorCategory::Settings, "max-tokens", asking([](auto &r) { r.max_tokens = 0; }));
  expect_error(ErrorCategory::Data, "has no answer", asking([](auto &r) {
                 r.turns = {{"Who?", {}}};
               }));
  expect_error(ErrorCategory::Data, "picture", asking([](auto &r) { r.images = {Image()}; }));
}

TEST_F(Questions, PicturesOfAnyShapeAreSeen) {
  for (const auto &[width, height] : {std::pair{1, 1}, {1, 4000}, {3, 3}, {4000, 2}})
    EXPECT_NO_THROW(asking([w = width, h = height](auto &r) { r.images = {picture(w, h)}; })());
}

TEST_F(Questions, LongOnesAreCutOnTheRightAndSayso) {
  Request request;
  request.images = {picture(8, 8)};
  request.max_tokens = 1;
  for (int i = 0; i < 4000; ++i)
    request.question += "long ";
  const Result result = model_->generate(request);
  EXPECT_EQ(result.prompt_positions, model_->info().context_length);
  EXPECT_GT(result.truncated_positions, 0);
}

TEST_F(Questions, CancelledBeforeTextThrows) {
  expect_error(ErrorCategory::Cancelled, "cancelled", asking([](auto &r) { r.cancel.cancel(); }));
}

TEST_F(Questions, CancelledLaterKeepsTheText) {
  Request request;
  request.question = "What?";
  request.max_tokens = 500;
  const CancelToken cancel = request.cancel;
  int pieces = 0;
  request.on_text = [&](const std::string &) {
    if (++pieces == 2)
      cancel.cancel();
  };
  const Result result = model_->generate(request);
  EXPECT_EQ(result.stop_reason, StopReason::Cancelled);
  EXPECT_LT(result.output_ids.size(), 500u);
}

TEST(TextOnly, RefusesPictures) {
  // A checkpoint without towers: the language part of a fixture alone.
  const fs::path directory = test::own_path("text-only");
  fs::create_directories(directory);
  for (const char *file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy_file(fs::path(test::data("llama3-hd/model")) / file, directory / file,
                  fs::copy_options::overwrite_existing);
  nlohmann::json config = test::read_json("llama3-hd/model/config.json");
  for (const char *key : {"mm_vision_tower", "mm_vision_tower_aux", "image_size_aux"})
    config.erase(key);
  std::ofstream(directory / "config.json") << config.dump();
  const SafetensorsFile whole(test::data("llama3-hd/model/model.safetensors"));
  std::vector<std::pair<std::string, at::Tensor>> language;
  for (const auto &[name, info] : whole.tensors())
    if (name.find("vision") == std::string::npos && name.find("vlm_uni") == std::string::npos &&
        name.find("mm_projector") == std::string::npos)
      language.emplace_back(name, whole.load(name));
  write_safetensors(directory / "model.safetensors", language);

  const auto model = Model::load(options(directory));
  EXPECT_FALSE(model->info().has_vision);
  Request request;
  request.question = "What?";
  request.max_tokens = 2;
  EXPECT_NO_THROW(model->generate(request));
  request.images = {{2, 2, std::vector<uint8_t>(12)}};
  expect_error(ErrorCategory::Unsupported, "text-only", [&] { model->generate(request); });
  fs::remove_all(directory);
}

} // namespace
} // namespace vlm
