// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/error.h"
#include "model/training/export.h"
#include "model/weights/safetensors.h"
#include "tests/model/training/small_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace vlm::test {
namespace {

StagePlan plan(int stage) {
  StagePlan out = stage_plan(stage, 1000, 0);
  out.batch = 4;
  out.schedule.warmup = 0;
  return out;
}

/// A path in a folder of this process, where nothing of an earlier run lies.
std::string scratch(const std::string &name) {
  static const auto folder = [] {
    const auto path =
        std::filesystem::path(::testing::TempDir()) / ("vlm-trainer-" + std::to_string(getpid()));
    std::filesystem::create_directories(path);
    return path;
  }();
  return (folder / name).string();
}

void expect_equal(const Trainer &a, const Trainer &b) {
  for (const auto &[name, value] : a.parameters().tensors())
    EXPECT_TRUE(at::equal(value, b.parameters().at(name))) << name;
  ASSERT_EQ(a.optimizer().state().size(), b.optimizer().state().size());
  for (const auto &[name, value] : a.optimizer().state())
    EXPECT_TRUE(at::equal(value, b.optimizer().state().at(name))) << name;
}

class Stages : public ::testing::TestWithParam<int> {};

TEST_P(Stages, ResumeIsExact) {
  const std::string path = scratch("resume.safetensors");
  Trainer whole(small_config(), kSmallClasses, 3, 2), first(small_config(), kSmallClasses, 3, 2);
  whole.begin(plan(GetParam()));
  first.begin(plan(GetParam()));
  for (int64_t i = 0; i < 4; ++i) {
    whole.step(noise_samples(4 * i, 4));
    if (i < 2)
      first.step(noise_samples(4 * i, 4));
  }
  first.save(path);
  Trainer second(small_config(), kSmallClasses, 99, 2); // other values, all replaced
  second.load(path);
  EXPECT_EQ(second.steps(), 2);
  EXPECT_EQ(second.position(), 8u);
  for (int64_t i = 2; i < 4; ++i)
    second.step(noise_samples(4 * i, 4));
  expect_equal(whole, second);
}

TEST_P(Stages, LearnsABatchByHeart) {
  Trainer trainer(small_config(), kSmallClasses, 3, 1);
  trainer.begin(plan(GetParam()));
  const auto samples = noise_samples(0, 4);
  const double before = trainer.measure(samples).loss("loss");
  for (int i = 0; i < 40; ++i)
    trainer.step(samples);
  EXPECT_LT(trainer.measure(samples).loss("loss"), (GetParam() == 1 ? .3 : .75) * before);
}

TEST_P(Stages, TrainsItsPartsOnly) {
  Trainer trainer(small_config(), kSmallClasses, 3, 1);
  trainer.begin(plan(GetParam()));
  const ParameterStore &now = trainer.parameters();
  std::map<std::string, at::Tensor> before;
  for (const auto &[name, value] : now.tensors())
    before[name] = value.clone();
  trainer.step(noise_samples(0, 4));
  for (const auto &[name, value] : before) {
    const bool moved = !at::equal(value, now.at(name));
    const bool towers = name.rfind("model.vision_tower", 0) == 0;
    const bool language = name.rfind("model.layers", 0) == 0 || name.rfind("lm_head", 0) == 0;
    if (towers) {
      EXPECT_EQ(moved, GetParam() != 1) << name;
    }
    if (language) {
      EXPECT_EQ(moved, GetParam() != 0) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Stages, ::testing::Values(0, 1, 2));

// The slope of the loss along a direction, against the gradient: one part of the model at a time,
// so that no part hides behind another.
TEST(Gradients, AgreeWithFiniteDifferences) {
  Trainer trainer(small_config(), kSmallClasses, 3, 1);
  trainer.begin(plan(2));
  const auto samples = noise_samples(0, 4);
  const auto loss = [&] { return trainer.measure(samples).loss("loss"); };
  trainer.differentiate(samples);
  const auto gradients = trainer.gradients();
  for (const char *part : {"model.vision_tower.", "model.vision_tower_aux.", "model.vlm_uni_query",
                           "model.vlm_uni_aux", "model.vlm_uni_val", "model.mm_projector",
                           "model.embed_tokens", "model.layers", "lm_head", "heads."}) {
    std::vector<std::pair<at::Tensor, at::Tensor>> moves; // parameter, step along the gradient
    double norm = 0;
    for (const auto &[name, gradient] : gradients)
      if (name.rfind(part, 0) == 0) {
        moves.emplace_back(trainer.parameters().at(name).variable_data(), gradient);
        norm += squared_norm(gradient);
      }
    ASSERT_GT(norm, 0) << part;
    norm = std::sqrt(norm);
    const double step = 4e-3;
    const auto go = [&](double length) {
      for (auto &[value, direction] : moves)
        value.add_(direction, length / norm);
    };
    go(step);
    const double up = loss();
    go(-2 * step);
    const double down = loss();
    go(step);
    EXPECT_NEAR((up - down) / (2 * step) / norm, 1, .03) << part;
  }
}

TEST(Checkpoint, IsRefusedWhenItIsSomethingElse) {
  const std::string path = scratch("other.safetensors");
  write_safetensors(path, {{"x", at::ones({2})}});
  Trainer trainer(small_config(), kSmallClasses, 3, 1);
  EXPECT_THROW(trainer.load(path), Error);
  EXPECT_THROW(trainer.load_parameters(path), Error);
  EXPECT_THROW(trainer.load(scratch("missing.safetensors")), Error);
}

TEST(Checkpoint, ExportKeepsEveryTensorOfTheLayout) {
  const std::string folder = scratch("export"), tokenizer = scratch("tokenizer");
  std::filesystem::create_directories(tokenizer);
  const TinyConfig config = small_config();
  const ParameterStore parameters = initial_parameters(config, 5);
  EXPECT_THROW(export_checkpoint(parameters, config, tokenizer, folder), Error);
  for (const char *name : {"/tokenizer.model", "/tokenizer_config.json"})
    std::ofstream(tokenizer + name) << "x";
  export_checkpoint(parameters, config, tokenizer, folder);
  ParameterStore back = initial_parameters(config, 6);
  load_parameters(back, folder + "/model.safetensors");
  for (const auto &[name, value] : parameters.tensors())
    EXPECT_TRUE(at::equal(value.to(at::kBFloat16), back.at(name).to(at::kBFloat16))) << name;
}

} // namespace
} // namespace vlm::test
