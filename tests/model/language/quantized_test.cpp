// SPDX-License-Identifier: LGPL-2.1-or-later
// The decoders in int8 and int4 beside the reference's logits, and beside themselves.
#include "model/compute/few_rows.h"
#include "tests/model/compute/quantized.h"
#include "tests/model/language/language_case.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <cstdio>

namespace vlm::test {
namespace {

// A checkpoint whose linear layers hold the values of quantised ones, for a decoder in float32.
class Rounded : public StateDict {
public:
  Rounded(const Checkpoint &inner, Quantization kind) : inner_(inner), kind_(kind) {}
  bool contains(const std::string &name) const override { return inner_.contains(name); }
  std::vector<std::string> names() const override { return inner_.names(); }
  std::vector<int64_t> shape(const std::string &name) const override { return inner_.shape(name); }
  std::string origin(const std::string &name) const override { return inner_.origin(name); }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    const at::Tensor exact = inner_.load(name, dtype);
    if (name == "lm_head.weight")
      return values_of(quantized(Quantization::Int8, exact));
    const bool layer = name.find("_proj.") != name.npos || name.find(".experts.") != name.npos;
    return layer ? values_of(quantized(kind_, exact)) : exact;
  }

private:
  const Checkpoint &inner_;
  Quantization kind_;
};

Decoder rounded(const std::string &name, Quantization kind) {
  const std::string directory = data(name + "/model");
  const Checkpoint checkpoint(directory);
  return Decoder(Scope(Rounded(checkpoint, kind), at::kFloat),
                 read_model_config(directory, checkpoint).decoder);
}

at::Tensor all_logits(const Decoder &decoder, const at::Tensor &embeds) {
  KvCache cache(decoder.config());
  return decoder.logits(decoder.forward(embeds, cache))[0];
}

// How alike logits [L, vocab_size] are, position by position.
struct Likeness {
  void add(const at::Tensor &got, const at::Tensor &want) {
    const at::Tensor cosine =
        (got * want).sum(-1) / ((got * got).sum(-1) * (want * want).sum(-1)).sqrt();
    const at::Tensor equal = at::argmax(got, -1).eq(at::argmax(want, -1));
    cosines += cosine.sum().item<double>();
    same += equal.sum().item<int64_t>();
    all += equal.numel();
  }
  double cosine() const { return cosines / static_cast<double>(all); }
  double agreement() const { return static_cast<double>(same) / static_cast<double>(all); }
  double cosines = 0;
  int64_t same = 0, all = 0;
};

struct Bounds {
  Quantization kind;
  const char *name;
  double rounded_cosine;    // beside the same weights in float32: what rounding activations does
  double cosine, agreement; // beside the reference
};

class QuantizedDecoder : public ::testing::TestWithParam<Bounds> {};

// The fixtures' weights are random numbers, the worst that there is for few bits: nothing in them
// is redundant, and layer after layer spreads the error. Measured: int8 .9988, .9982 and .886, int4
// .9990, .9172 and .455; the weights of int4 in float32 are at .9183 and .451, so its distance is
// that of its weights and of nothing else.
TEST_P(QuantizedDecoder, StaysNearTheReference) {
  const Bounds &bounds = GetParam();
  Likeness reference, same_weights, float32;
  for (const std::string name : test::kReferenceModels) {
    const LanguageCase model(name, at::kBFloat16, bounds.kind);
    const Decoder in_float32 = rounded(name, bounds.kind);
    for (size_t i = 0; i < model.prompts(); ++i) {
      if (!model.has(i, "logits"))
        continue;
      const at::Tensor embeds = model.expected(i, "inputs_embeds");
      const at::Tensor got = all_logits(model.decoder, embeds);
      const at::Tensor twin = all_logits(in_float32, embeds);
      const at::Tensor want = model.expected(i, "logits")[0];
      reference.add(got, want);
      float32.add(twin, want);
      same_weights.add(got, twin);
    }
  }
  for (const auto &[what, likeness] : {std::pair{"the reference", reference},
                                       {"the same weights in float32", same_weights},
                                       {"(these and the reference)", float32}})
    std::printf("[   parity ] language %s and %s: cosine %.4f, %.3f of choices agree\n",
                bounds.name, what, likeness.cosine(), likeness.agreement());
  EXPECT_GE(same_weights.cosine(), bounds.rounded_cosine);
  EXPECT_GE(reference.cosine(), bounds.cosine);
  EXPECT_GE(reference.agreement(), bounds.agreement);
}

// Held once, as the head.
TEST(QuantizedEmbeddings, AreThoseOfATiedHead) {
  const std::string directory = data("gemma/model");
  const Checkpoint checkpoint(directory);
  const LanguageCase model("gemma", at::kBFloat16, Quantization::Int4);
  ASSERT_TRUE(model.decoder.config().tie_word_embeddings);
  const at::Tensor exact = checkpoint.load("model.embed_tokens.weight", at::kFloat);
  const at::Tensor ids = at::tensor(std::vector<int64_t>{5, 0, exact.size(0) - 1, 5, 17, 2});
  const at::Tensor got = model.decoder.embed(ids.view({2, 3}));
  EXPECT_EQ(got.sizes(), (std::vector<int64_t>{2, 3, exact.size(1)}));
  EXPECT_TRUE(got.view({6, -1}).equal(
      at::index_select(values_of(quantized(Quantization::Int8, exact)), 0, ids)));
}

// A prompt's last position, and tokens decoded in company of other conversations and alone.
TEST_P(QuantizedDecoder, DecodedTogetherOrAloneIsTheSame) {
  for (const std::string name : test::kReferenceModels) {
    const LanguageCase model(name, at::kBFloat16, GetParam().kind);
    const at::Tensor embeds = model.expected(0, "inputs_embeds");
    std::vector<KvCache> together, alone;
    for (const int64_t length : {9, 1, 4, 37, 6}) {
      together.emplace_back(model.decoder.config());
      model.decoder.forward(embeds.narrow(1, 0, length), together.back());
      alone.push_back(together.back().fork(length, length + 1));
    }
    std::vector<KvCache *> caches;
    for (KvCache &cache : together)
      caches.push_back(&cache);
    const at::Tensor rows = embeds.narrow(1, 3, 5).transpose(0, 1);
    const at::Tensor got = model.decoder.logits(model.decoder.decode(rows, caches));
    for (int64_t b = 0; b < 5; ++b)
      EXPECT_TRUE(got[b].equal(model.decoder.logits(
          model.decoder.decode(rows.narrow(0, b, 1), {&alone[static_cast<size_t>(b)]}))[0]))
          << name << ": conversation " << b;
  }
}

// As many as the decoder calls independent; a router of experts stays in floating point.
TEST_P(QuantizedDecoder, DraftedBehindAPromptOrAloneIsTheSame) {
  for (const std::string name : test::kReferenceModels) {
    const LanguageCase model(name, at::kBFloat16, GetParam().kind);
    const bool experts = model.decoder.config().num_local_experts > 1;
    EXPECT_EQ(model.decoder.independent_rows() == kFewRows, experts) << name;
    const at::Tensor embeds = model.expected(0, "inputs_embeds");
    const int64_t rows = std::min<int64_t>(model.decoder.independent_rows(), 40), prompt = 5;
    ASSERT_GE(embeds.size(1), rows);
    KvCache alone(model.decoder.config()), together(model.decoder.config());
    const at::Tensor got =
        model.decoder.forward(embeds.narrow(1, 0, rows), together, {}, rows - prompt);
    EXPECT_TRUE(
        got.narrow(1, 0, prompt).equal(model.decoder.forward(embeds.narrow(1, 0, prompt), alone)));
    for (int64_t row = prompt; row < rows; ++row)
      EXPECT_TRUE(
          got.narrow(1, row, 1).equal(model.decoder.decode(embeds.narrow(1, row, 1), {&alone})))
          << name << ": row " << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, QuantizedDecoder,
                         ::testing::Values(Bounds{Quantization::Int8, "int8", 0.998, 0.997, 0.87},
                                           Bounds{Quantization::Int4, "int4", 0.998, 0.9, 0.42}),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
} // namespace vlm::test
