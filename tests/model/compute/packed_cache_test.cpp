// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/packed_cache.h"

#include "model/compute/linear.h"
#include "tests/model/compute/random.h"
#include "tests/model/weights/scratch.h"
#include "tests/support/fixture.h"

#include <ATen/core/grad_mode.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kIn = 70, kOut = 33;

/// Two matrices; counts how often one is read.
class TwoLayers : public StateDict {
public:
  bool contains(const std::string &name) const override {
    return name == "a.weight" || name == "b.weight";
  }
  std::vector<std::string> names() const override { return {"a.weight", "b.weight"}; }
  std::vector<int64_t> shape(const std::string &) const override { return {kOut, kIn}; }
  at::Tensor load(const std::string &name, at::ScalarType) const override {
    ++read;
    return values({kOut, kIn}, name == "a.weight" ? 1 : 2);
  }
  std::string origin(const std::string &) const override { return "two layers"; }

  mutable int read = 0;
};

class PackedCacheFile : public ::testing::TestWithParam<Quantization> {
protected:
  /// What both layers make of the same rows, packed or from the file.
  std::vector<at::Tensor> results(const std::string &stamp = "1") {
    PackedCache cache(layers_, path_, stamp);
    const Scope scope = Scope(cache, at::kBFloat16).quantized(GetParam()).kept_by(&cache);
    std::vector<at::Tensor> out;
    for (const char *name : {"a", "b"})
      out.push_back(Linear(scope.sub(name), kIn, kOut, false)(values({5, kIn}, 3)));
    cache.save();
    return out;
  }
  void damage(uintmax_t place) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(place));
    const int old = file.get();
    file.seekp(static_cast<std::streamoff>(place));
    file.put(static_cast<char>(old ^ 1));
  }
  void expect_same(const std::vector<at::Tensor> &got) const {
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(near(got[i], packed_[i], 0)) << "layer " << i;
  }

  const at::NoGradGuard guard_;
  const Scratch scratch_;
  const std::string path_ = scratch_.path("cache/packed/model.safetensors");
  TwoLayers layers_;
  const std::vector<at::Tensor> packed_ = results();
};

TEST_P(PackedCacheFile, GivesBackWhatWasPackedWithoutReadingTheMatrix) {
  EXPECT_EQ(layers_.read, 2);
  expect_same(results());
  EXPECT_EQ(layers_.read, 2);
  const PackedCache cache(layers_, path_, "1");
  EXPECT_EQ(cache.names(), layers_.names());
  EXPECT_EQ(cache.origin("a.qweight"), path_);
  EXPECT_EQ(cache.origin("a.weight"), "two layers");
}

TEST_P(PackedCacheFile, IsMappedAndMayBeRemovedOrReplacedMeanwhile) {
  std::optional<PackedCache> cache(std::in_place, layers_, path_, "1");
  const at::Tensor weight = cache->load("a.qweight", at::kByte);
  const Linear layer(Scope(*cache, at::kBFloat16).sub("a"), kIn, kOut, false);
  EXPECT_EQ(cache->load("a.qweight", at::kByte).data_ptr(), weight.data_ptr());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weight.data_ptr()) % 64, 0u);
  std::string line, maps;
  for (std::ifstream in("/proc/self/maps"); std::getline(in, line);)
    maps += line + "\n";
  EXPECT_NE(maps.find(fs::canonical(path_).string()), std::string::npos);
  cache.reset();
  fs::remove(path_);
  scratch_.write("cache/packed/model.safetensors", "x");
  EXPECT_TRUE(near(layer(values({5, kIn}, 3)), packed_[0], 0));
}

TEST_P(PackedCacheFile, OfOtherWeightsIsNotSeenAndReplaced) {
  results("2");
  EXPECT_EQ(layers_.read, 4);
  results("2");
  EXPECT_EQ(layers_.read, 4);
}

TEST_P(PackedCacheFile, ADamagedMatrixIsPackedAnewAlone) {
  damage(fs::file_size(path_) - 1); // of b
  expect_same(results());
  EXPECT_EQ(layers_.read, 3);
  expect_same(results());
  EXPECT_EQ(layers_.read, 3);
}

TEST_P(PackedCacheFile, WhateverStandsThereItIsMadeAnew) {
  std::ifstream in(path_, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::string> contents = {"", "not a cache", good.substr(0, good.size() - 9),
                                       good.substr(0, 30), good + "more"};
  fuzz(good, 60, [&](const std::string &damaged) { contents.push_back(damaged); });
  for (const std::string &content : contents) {
    std::ofstream(path_, std::ios::binary) << content;
    expect_same(results());
    const int before = layers_.read;
    expect_same(results());
    EXPECT_EQ(layers_.read, before);
  }
}

TEST_P(PackedCacheFile, WhatCannotBeKeptIsPackedEveryTime) {
  fs::remove_all(scratch_.path("cache"));
  scratch_.write("cache", "a file where the folder should be");
  expect_same(results());
  expect_same(results());
  EXPECT_EQ(layers_.read, 6);
}

TEST_P(PackedCacheFile, WhatNobodyUsedForAMonthGoes) {
  const std::string old = scratch_.write("cache/packed/old.safetensors", "x");
  const std::string young = scratch_.write("cache/packed/young.safetensors", "x");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(24 * 31));
  fs::last_write_time(path_, fs::file_time_type::clock::now() - std::chrono::hours(24 * 29));
  results(); // uses it, writes nothing
  EXPECT_TRUE(fs::exists(old));
  results("2");
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_TRUE(fs::exists(path_));
}

INSTANTIATE_TEST_SUITE_P(Forms, PackedCacheFile,
                         ::testing::Values(Quantization::Int8, Quantization::Int4),
                         [](const auto &info) {
                           return info.param == Quantization::Int8 ? "Int8" : "Int4";
                         });

} // namespace
} // namespace vlm::test
