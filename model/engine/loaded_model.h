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
class Generation;
class VocabularyBytes;

/// A checkpoint in memory: tokenizer, towers, decoder.
class LoadedModel : public Model {
public:
  /// Everything is moved in; `vision` is empty for a text-only checkpoint.
  LoadedModel(ModelInfo info, ModelConfig config, std::unique_ptr<Tokenizer> tokenizer,
              std::optional<VisionModel> vision, Decoder decoder, at::Device device, int threads);

  const ModelInfo &info() const override { return info_; }
  std::unique_ptr<Answer> begin(Request request, const Pace &pace) const override;
  void advance(const std::vector<Answer *> &answers) const override;

private:
  struct Seen;
  void check(const Request &request) const;
  Prompt write_prompt(Request &request) const;
  bool fits(const Request &request, const Prompt &prompt) const;
  std::shared_ptr<const VocabularyBytes> vocabulary() const;
  void see(Generation &answer, Dump *dump, const Pace &pace) const;
  at::Tensor look(const Image &image, Timings &timings, Dump *dump, const Pace &pace) const;
  at::Tensor splice(const std::vector<int64_t> &ids, const at::Tensor &visual_tokens) const;
  void read(Generation &answer, Dump *dump, const Pace &pace) const;
  int64_t recall(Generation &answer) const;
  void remember(Generation &answer) const;
  int64_t positions(const std::vector<int64_t> &ids, size_t count) const;

  ModelInfo info_;
  ModelConfig config_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<VisionModel> vision_;
  Decoder decoder_;
  at::Device device_;
  int threads_;
  mutable std::shared_ptr<const VocabularyBytes> vocabulary_; // of the tokenizer, when needed
};

} // namespace vlm
