// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/error.h"
#include "model/language/decoder.h"
#include "model/training/optimizer.h"
#include "model/training/ordered_loader.h"
#include "model/training/packed_questions.h"
#include "model/training/tiny_model.h"
#include "tests/model/training/small_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

namespace vlm::test {
namespace {

TEST(ParameterStore, ReplicasShareValuesButNotGradients) {
  ParameterStore store;
  store.add("a", at::ones({2}));
  const auto all = [](const std::string &) { return true; };
  const ParameterStore first = store.replica(all), second = store.replica(all);
  (first.at("a") * 3).sum().backward();
  EXPECT_TRUE(first.at("a").grad().defined());
  EXPECT_FALSE(second.at("a").grad().defined());
  store.at("a").variable_data().fill_(5);
  EXPECT_EQ(second.at("a")[0].item<float>(), 5);
  EXPECT_THROW(store.load("a", at::kBFloat16), Error);
  EXPECT_THROW(store.load("b", at::kFloat), Error);
}

TEST(Optimizer, OrthogonalizesMatricesOfAnyShape) {
  at::manual_seed(1);
  for (const auto &[rows, columns] : {std::pair{24, 96}, {96, 24}, {32, 32}}) {
    const at::Tensor x = orthogonalize(at::randn({rows, columns}));
    const at::Tensor gram = rows < columns ? at::mm(x, x.t()) : at::mm(x.t(), x);
    const double trace = gram.trace().item<double>() / static_cast<double>(gram.size(0));
    EXPECT_NEAR(trace, .85, .25) << rows << "x" << columns;
  }
}

TEST(Optimizer, FirstAdamStepIsTheRateAgainstTheSign) {
  Optimizer optimizer;
  const at::Tensor value = at::zeros({3});
  at::Tensor gradient = at::linspace(-1, 1, 3);
  optimizer.prepare("norm.weight", value);
  optimizer.update("norm.weight", value, gradient, .1, 1);
  EXPECT_NEAR(value[0].item<double>(), .1, 1e-6);
  EXPECT_NEAR(value[1].item<double>(), 0, 1e-6);
  EXPECT_NEAR(value[2].item<double>(), -.1, 1e-6);
}

TEST(Schedule, RisesHoldsAndFalls) {
  const Schedule schedule{100, 1000, 200, .1};
  EXPECT_LT(schedule.factor(0), .02);
  EXPECT_NEAR(schedule.factor(49), .5, 1e-9);
  EXPECT_EQ(schedule.factor(100), 1);
  EXPECT_EQ(schedule.factor(800), 1);
  EXPECT_NEAR(schedule.factor(900), .55, 1e-9);
  EXPECT_NEAR(schedule.factor(1000), .1, 1e-9);
  EXPECT_NEAR(schedule.factor(2000), .1, 1e-9);
}

SupervisedIds conversation(std::vector<int64_t> text) {
  SupervisedIds out;
  out.ids = std::move(text);
  out.targets.assign(out.ids.size(), kIgnore);
  return out;
}

/// The last layer's values behind each id of one conversation that stands alone.
at::Tensor alone(const Decoder &decoder, const std::vector<int64_t> &ids,
                 const at::Tensor &visual) {
  std::vector<at::Tensor> parts;
  for (const int64_t id : ids)
    parts.push_back(id == kImageToken ? visual : decoder.embed(at::full({1, 1}, id, at::kLong)));
  const at::Tensor embeds = at::cat(parts, 1);
  const int64_t length = embeds.size(1);
  const at::Tensor place = at::arange(length);
  return decoder.forward(embeds, place, place.unsqueeze(0).le(place.unsqueeze(1)));
}

TEST(PackedQuestions, EqualConversationsOfTheirOwn) {
  const at::NoGradGuard no_grad;
  const TinyConfig config = small_config();
  const ParameterStore store = initial_parameters(config, 8);
  const Decoder decoder(Scope(store, at::kFloat), config.decoder());
  const at::Tensor visual = at::randn({1, 3, config.hidden});
  const std::vector<std::vector<int64_t>> texts = {
      {1, 5, kImageToken, 7, 8, 9}, {1, 5, kImageToken, 10, 11}, {1, 12, 13, 14}};
  const PackedQuestions packed(
      {conversation(texts[0]), conversation(texts[1]), conversation(texts[2])}, 3);
  PackedQuestions longer = packed;
  for (auto *list : {&longer.ids, &longer.positions, &longer.segments, &longer.targets})
    list->push_back(list == &longer.segments ? 3 : 0);
  const PackedBatch batch = pack({&packed, &longer}); // the first is padded
  const at::Tensor text = decoder.embed(batch.ids);
  const at::Tensor embeds = at::cat({text.narrow(1, 0, 2), visual.expand({2, 3, config.hidden}),
                                     text.narrow(1, 5, text.size(1) - 5)},
                                    1);
  const at::Tensor got = decoder.forward(embeds, batch.positions, batch.mask).select(0, 0);
  const auto same = [&](int64_t begin, const at::Tensor &want) {
    EXPECT_TRUE(at::allclose(got.narrow(0, begin, want.size(0)), want, 1e-4, 1e-4)) << begin;
  };
  const at::Tensor first = alone(decoder, texts[0], visual).select(0, 0);
  same(0, first);
  same(8, alone(decoder, texts[1], visual).select(0, 0).narrow(0, 5, 2));
  same(10, alone(decoder, texts[2], visual).select(0, 0));
}

TEST(PackedQuestions, NeedThePictureFirst) {
  EXPECT_THROW(PackedQuestions({conversation({1, 2})}, 4), Error);
}

/// Bytes as ids, `|` between a question and its answer: enough to see where supervision falls.
class ByteTokenizer : public Tokenizer {
public:
  std::vector<int64_t> encode(std::string_view text) const override {
    return {text.begin(), text.end()};
  }
  std::string decode(const std::vector<int64_t> &ids, bool) const override {
    return {ids.begin(), ids.end()};
  }
  std::optional<std::string> bytes(int64_t) const override { return {}; }
  std::vector<std::string> special_tokens() const override { return {}; }
  int64_t vocab_size() const override { return 256; }
  std::optional<int64_t> bos_id() const override { return {}; }
  std::optional<int64_t> eos_id() const override { return {}; }
  std::optional<int64_t> piece_id(std::string_view) const override { return {}; }
};

TEST(Supervise, AsksForAnswersAndTheirEndOnly) {
  const ByteTokenizer tokenizer;
  for (const std::string name : {"vlm_tiny", "vicuna_v1"}) {
    const SupervisedIds got =
        supervise(tokenizer, name, {{"<image>\nOne?", "First."}, {"Two?", "Second."}});
    std::string wanted;
    for (const int64_t id : got.targets)
      wanted += id == kIgnore ? '_' : static_cast<char>(id);
    EXPECT_NE(wanted.find("First.</s>_"), std::string::npos) << wanted;
    EXPECT_EQ(wanted.substr(wanted.size() - 12), "Second.</s>_") << wanted;
    EXPECT_EQ(wanted.find('?'), std::string::npos) << wanted;
    EXPECT_EQ(got.ids.size(), got.targets.size());
  }
}

TEST(OrderedLoader, KeepsTheOrderWhateverTheThreads) {
  const auto maker = [] {
    return [](uint64_t index) {
      auto sample = std::make_shared<Sample>();
      sample->questions.image_start = static_cast<int64_t>(index);
      return sample;
    };
  };
  OrderedLoader<Sample> loader(maker, 7, 3, 5);
  int64_t index = 7;
  for (int batch = 0; batch < 20; ++batch)
    for (const auto &sample : loader.next(4))
      EXPECT_EQ(sample->questions.image_start, index++);
}

TEST(OrderedLoader, PassesOnWhatAMakerThrows) {
  OrderedLoader<Sample> loader(
      [] {
        return [](uint64_t) -> std::shared_ptr<const Sample> {
          fail(ErrorCategory::NotFound, "no picture");
        };
      },
      0, 2, 4);
  EXPECT_THROW(loader.next(1), Error);
}

} // namespace
} // namespace vlm::test
