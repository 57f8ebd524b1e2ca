// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/decoder.h"
#include "tests/model/compute/random.h"
#include "tests/model/language/language_case.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tril.h>

#include <map>

namespace vlm::test {
namespace {

at::Tensor positions(int64_t length) { return at::arange(length, at::kLong); }

at::Tensor causal(int64_t length) { return at::tril(at::ones({length, length}, at::kBool)); }

TEST(DecoderTraining, EqualsTheCachedPass) {
  for (const std::string name : {"gemma", "mixtral", "yi"}) {
    const LanguageCase model(name, at::kFloat);
    const at::Tensor embeds = model.expected(0, "inputs_embeds");
    const int64_t length = embeds.size(1);
    KvCache cache(model.decoder.config());
    const at::Tensor want = model.decoder.forward(embeds, cache);
    const at::Tensor got = model.decoder.forward(embeds, positions(length), causal(length));
    EXPECT_TRUE(near(got, want, 1e-4)) << name;
  }
}

// Two answers behind one beginning, in one row, neither seeing the other: each must get what it
// gets alone. This is how many questions about one picture are trained at once.
TEST(DecoderTraining, BlocksOfAMaskDoNotMix) {
  const LanguageCase model("llama3", at::kFloat);
  const at::Tensor embeds = model.expected(0, "inputs_embeds").narrow(1, 0, 40);
  const at::Tensor start = embeds.narrow(1, 0, 20), one = embeds.narrow(1, 20, 8);
  const at::Tensor two = embeds.narrow(1, 28, 12);
  const at::Tensor row = at::cat({start, one, two}, 1);
  const at::Tensor place = at::cat({positions(28), at::arange(20, 32, at::kLong)}, 0).unsqueeze(0);
  at::Tensor mask = causal(40);
  mask.narrow(0, 28, 12).narrow(1, 20, 8).fill_(false);
  // A batch of two with masks of their own: the second sees everything in order.
  const at::Tensor batch = at::cat({row, row}, 0);
  const at::Tensor places = at::cat({place, positions(40).unsqueeze(0)}, 0);
  const at::Tensor masks = at::cat({mask.view({1, 1, 40, 40}), causal(40).view({1, 1, 40, 40})}, 0);
  const at::Tensor got = model.decoder.forward(batch, places, masks);
  KvCache first(model.decoder.config()), second(model.decoder.config()),
      plain(model.decoder.config());
  const at::Tensor want_one = model.decoder.forward(at::cat({start, one}, 1), first);
  const at::Tensor want_two = model.decoder.forward(at::cat({start, two}, 1), second);
  EXPECT_TRUE(near(got[0].narrow(0, 0, 28), want_one[0], 1e-4));
  EXPECT_TRUE(near(got[0].narrow(0, 28, 12), want_two[0].narrow(0, 20, 12), 1e-4));
  EXPECT_TRUE(near(got[1], model.decoder.forward(row, plain)[0], 1e-4));
}

// Parameters of a small model, made up when first asked for.
class Parameters : public StateDict {
public:
  explicit Parameters(std::map<std::string, std::vector<int64_t>> shapes) {
    uint64_t seed = 1;
    for (const auto &[name, shape] : shapes)
      tensors_[name] = (values(shape, ++seed) * 0.5).requires_grad_(true);
  }
  bool contains(const std::string &name) const override { return tensors_.count(name) > 0; }
  std::vector<std::string> names() const override { return {}; }
  std::vector<int64_t> shape(const std::string &name) const override {
    return tensors_.at(name).sizes().vec();
  }
  at::Tensor load(const std::string &name, at::ScalarType) const override {
    return tensors_.at(name);
  }
  std::string origin(const std::string &) const override { return "test"; }
  const std::map<std::string, at::Tensor> &tensors() const { return tensors_; }

private:
  std::map<std::string, at::Tensor> tensors_;
};

DecoderConfig tiny() {
  DecoderConfig config;
  config.hidden_size = 12;
  config.intermediate_size = 20;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 6;
  config.vocab_size = 17;
  config.tie_word_embeddings = true;
  config.norm_unit_offset = true;
  config.scale_embeddings = true;
  return config;
}

std::map<std::string, std::vector<int64_t>> tiny_shapes() {
  std::map<std::string, std::vector<int64_t>> out = {{"model.embed_tokens.weight", {17, 12}},
                                                     {"model.norm.weight", {12}}};
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const char *norm : {"input_layernorm.weight", "post_attention_layernorm.weight"})
      out[layer + norm] = {12};
    for (const char *side : {"k_proj", "v_proj"})
      out[layer + "self_attn." + side + ".weight"] = {12, 12};
    out[layer + "self_attn.q_proj.weight"] = {24, 12};
    out[layer + "self_attn.o_proj.weight"] = {12, 24};
    out[layer + "mlp.gate_proj.weight"] = out[layer + "mlp.up_proj.weight"] = {20, 12};
    out[layer + "mlp.down_proj.weight"] = {12, 20};
  }
  return out;
}

// Every parameter's gradient against the slope of the loss along a direction of its own.
TEST(DecoderTraining, GradientsOfAllParameters) {
  const Parameters parameters(tiny_shapes());
  const Decoder decoder(Scope(parameters, at::kFloat), tiny());
  at::Tensor ids = at::empty({2, 7}, at::kLong);
  for (int64_t i = 0; i < 14; ++i)
    ids.data_ptr<int64_t>()[i] = i * 5 % 17;
  const auto loss = [&] {
    return scalar(decoder.logits(decoder.forward(decoder.embed(ids), positions(7), causal(7))));
  };
  loss().backward();
  const at::NoGradGuard guard;
  for (const auto &[name, tensor] : parameters.tensors()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    const at::Tensor direction = values(tensor.sizes().vec(), 77);
    const at::Tensor old = tensor.clone();
    const double step = 1e-3;
    tensor.copy_(old + direction * step);
    const double above = loss().item<double>();
    tensor.copy_(old - direction * step);
    const double below = loss().item<double>();
    tensor.copy_(old);
    const double want = (tensor.grad() * direction).sum().item<double>();
    EXPECT_NEAR((above - below) / (2 * step), want, 0.02 + 0.01 * std::abs(want)) << name;
  }
}

} // namespace
} // namespace vlm::test
