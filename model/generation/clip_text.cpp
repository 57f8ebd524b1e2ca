// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/clip_text.h"

#include "model/core/error.h"
#include "model/text/clip_tokenizer.h"

#include <ATen/TensorIndexing.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tril.h>

namespace vlm {

ClipTextEncoder::ClipTextEncoder(const Scope &scope, const ClipTextConfig &config)
    : config_(config) {
  const Scope model = scope.sub("text_model"), embeddings = model.sub("embeddings");
  const int64_t width = config.hidden_size;
  token_embedding_ = embeddings.matrix("token_embedding.weight", {config.vocab_size, width});
  position_embedding_ =
      embeddings.tensor("position_embedding.weight", {ClipTokenizer::kLength, width});
  // The last layer and the norm behind it are for the pooled output alone.
  const int64_t layers = config.num_hidden_layers - (config.projection_dim == 0);
  for (int64_t i = 0; i < layers; ++i)
    layers_.emplace_back(
        model.sub("encoder").sub("layers").sub(i), width, config.num_attention_heads,
        config.quick_gelu ? ClipLayer::Activation::QuickGelu : ClipLayer::Activation::GeluErf);
  if (config.projection_dim == 0)
    return;
  final_norm_ = LayerNorm(model.sub("final_layer_norm"), width, 1e-5);
  projection_ = Linear(scope.sub("text_projection"), width, config.projection_dim, false);
}

at::Tensor ClipTextEncoder::embed(const at::Tensor &ids) const {
  const int64_t low = ids.min().item<int64_t>(), high = ids.max().item<int64_t>();
  if (low < 0 || high >= config_.vocab_size)
    fail(ErrorCategory::Data, "token id ", low < 0 ? low : high,
         " is outside the text encoder's vocabulary of ", config_.vocab_size);
  return at::embedding(token_embedding_, ids.to(token_embedding_.device())).to(at::kFloat) +
         position_embedding_;
}

ClipTextEncoder::Features ClipTextEncoder::operator()(const at::Tensor &ids,
                                                      const Pace &pace) const {
  at::Tensor x = embed(ids);
  const int64_t length = ids.size(1);
  const at::Tensor causal = at::ones({length, length}, x.options().dtype(at::kBool)).tril();
  Features out;
  for (size_t i = 0; i < layers_.size(); ++i) {
    pace.check();
    if (i + 1 == static_cast<size_t>(config_.num_hidden_layers))
      out.hidden = x;
    x = layers_[i](x, causal);
  }
  if (config_.projection_dim == 0) {
    out.hidden = x;
    return out;
  }
  const at::Tensor ends = at::argmax(ids, 1).to(x.device()); // the first of equals
  const at::Tensor rows = at::arange(ids.size(0), ends.options());
  out.pooled = projection_(final_norm_(x.index({rows, ends})));
  return out;
}

} // namespace vlm
