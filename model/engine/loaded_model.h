// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/model.h"
#include "model/engine/prompt.h"
#include "model/language/decoder.h"
#include "model/text/tokenizer.h"
#include "model/vision/vision_model.h"
#include "model/weights/model_config.h"

#include <memory>
#include <optional>

namespace vlm {

class Dump;

/// A checkpoint in memory: tokenizer, towers, decoder.
class LoadedModel : public Model {
public:
  /// Everything is moved in; `vision` is empty for a text-only checkpoint.
  LoadedModel(ModelInfo info, ModelConfig config, std::unique_ptr<Tokenizer> tokenizer,
              std::optional<VisionModel> vision, Decoder decoder, at::Device device, int threads);

  const ModelInfo &info() const override { return info_; }
  Result generate(const Request &request) const override;

private:
  at::Tensor see(const Request &request, Dump *dump, Timings &timings) const;
  at::Tensor splice(const std::vector<int64_t> &ids, const at::Tensor &visual_tokens) const;
  at::Tensor prefill(const at::Tensor &embeds, KvCache &cache, const Request &request, Dump *dump,
                     Timings &timings) const;
  void decode(at::Tensor logits, KvCache &cache, const Request &request, Result &result) const;
  bool stops(int64_t id) const;

  ModelInfo info_;
  ModelConfig config_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<VisionModel> vision_;
  Decoder decoder_;
  at::Device device_;
  int threads_;
};

} // namespace vlm
