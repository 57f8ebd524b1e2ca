// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading through the packed cache: what was packed once is taken from there, and never trusted.
#include "model/core/mapped_file.h"
#include "model/engine/model.h"
#include "model/weights/checkpoint.h"
#include "model/weights/random_values.h"
#include "tests/model/weights/scratch.h"
#include "tests/support/fixture.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

namespace vlm {
namespace {

namespace fs = std::filesystem;

/// A model whose matrices are worth keeping (above 64 MB in int8): the reference's small Gemma with
/// more and wider layers. The cache is a folder of its own.
class PackedLoad : public ::testing::Test {
protected:
  void SetUp() override {
    setenv("GST_VLM_CACHE_DIR", scratch_.path("cache").c_str(), 1);
    scratch_.copy(test::data("gemma/model"), "wide");
    auto config = nlohmann::json::parse(read_file(folder() + "/config.json"));
    const int64_t hidden = config.at("hidden_size"), wide = 32'768, layers = 12;
    config["intermediate_size"] = wide;
    config["num_hidden_layers"] = layers;
    write_file(folder() + "/config.json", config.dump());
    const Checkpoint small(test::data("gemma/model"));
    RandomValues values;
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    const std::string first = "model.layers.0.";
    for (const std::string &name : small.names())
      if (name.rfind("model.layers.", 0) != 0)
        tensors.emplace_back(name, small.load(name, at::kBFloat16));
      else if (name.rfind(first, 0) == 0)
        for (int64_t i = 0; i < layers; ++i) {
          const std::string part = name.substr(first.size());
          const auto size = part == "mlp.down_proj.weight" ? std::vector<int64_t>{hidden, wide}
                                                           : std::vector<int64_t>{wide, hidden};
          tensors.emplace_back("model.layers." + std::to_string(i) + '.' + part,
                               part.rfind("mlp.", 0) == 0 ? values.make(size)
                                                          : small.load(name, at::kBFloat16));
        }
    for (const auto &entry : fs::directory_iterator(folder()))
      if (entry.path().string().find(".safetensors") != std::string::npos)
        fs::remove(entry.path());
    write_safetensors(folder() + "/model.safetensors", tensors);
  }
  void TearDown() override { unsetenv("GST_VLM_CACHE_DIR"); }

  std::string folder() const { return scratch_.path("wide"); }
  std::string cached() const {
    const fs::path packed = scratch_.path("cache/packed");
    return fs::exists(packed) && !fs::is_empty(packed)
               ? fs::directory_iterator(packed)->path().string()
               : std::string();
  }
  Result answer() const {
    Request request;
    request.question = "What is this?";
    request.max_tokens = 8;
    return Model::load({folder(), "cpu", "int8", 0})->generate(request);
  }
  void expect(const Result &want) const {
    const Result got = answer();
    EXPECT_EQ(got.output_ids, want.output_ids);
    EXPECT_EQ(got.token_logprobs, want.token_logprobs);
  }

private:
  test::Scratch scratch_;
};

// Another one when the file was written anew.
ino_t inode(const std::string &file) {
  struct stat status {};
  EXPECT_EQ(stat(file.c_str(), &status), 0);
  return status.st_ino;
}

TEST_F(PackedLoad, TakesWhatWasPackedAndPacksAnewWhatIsDamaged) {
  ASSERT_TRUE(cached().empty());
  const Result want = answer();
  const std::string file = cached();
  ASSERT_FALSE(file.empty());
  const std::string good = read_file(file);
  EXPECT_GT(good.size(), size_t{64} << 20);

  const ino_t written = inode(file);
  expect(want);
  EXPECT_EQ(inode(file), written) << "it was packed once more";

  std::string damaged = good;
  damaged[good.size() / 2] ^= 1;
  for (const std::string &bad : {damaged, good.substr(0, good.size() / 3), std::string("none")}) {
    write_file(file, bad);
    expect(want);
    EXPECT_TRUE(read_file(file) == good) << "it was not made good";
  }
}

} // namespace
} // namespace vlm
