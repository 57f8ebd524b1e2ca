// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/draft.h"
#include "model/engine/model.h"
#include "model/engine/placement.h"
#include "model/engine/prompt.h"
#include "model/engine/recent.h"
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
  /// See Model::load().
  static std::shared_ptr<const LoadedModel> open(const ModelOptions &options,
                                                 const std::function<void(double)> &progress,
                                                 const CancelToken &cancel);
  /// Everything is moved in; `vision` is empty for a text-only checkpoint.
  LoadedModel(ModelInfo info, ModelConfig config, std::unique_ptr<Tokenizer> tokenizer,
              std::optional<VisionModel> vision, Decoder decoder, const Placement &placement,
              int threads);

  const ModelInfo &info() const override { return info_; }
  std::unique_ptr<Answer> begin(Request request, const Pace &pace) const override;
  void advance(const std::vector<Answer *> &answers) const override;

private:
  struct Seen;
  struct Parts;
  void check(const Request &request) const;
  Prompt write_prompt(Request &request) const;
  bool fits(const Request &request, const Prompt &prompt) const;
  std::shared_ptr<const VocabularyBytes> vocabulary() const;
  void see(Generation &answer, Dump *dump, const Pace &pace) const;
  at::Tensor look(const Image &image, Generation &answer, const Pace &pace) const;
  at::Tensor encode(const Image &image, Timings &timings, Dump *dump, const Pace &pace) const;
  at::Tensor splice(const std::vector<int64_t> &ids, const at::Tensor &visual_tokens) const;
  void read(Generation &answer, Dump *dump, const Pace &pace) const;
  at::Tensor read_with_draft(const at::Tensor &embeds, Generation &answer, const Pace &pace) const;
  Parts parts(const Result &result) const;
  void recall(Generation &answer, const Parts &parts) const;
  void remember(Generation &answer) const;
  int64_t positions(const std::vector<int64_t> &ids, size_t count) const;
  int threads_of(const Request &request) const;
  std::shared_ptr<PastAnswers> past_answers(uint64_t client) const;

  ModelInfo info_;
  ModelConfig config_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<VisionModel> vision_;
  Decoder decoder_;
  at::Device device_;
  int threads_;
  double row_cost_; // of a second row in a pass, as a part of the first's
  mutable std::shared_ptr<const VocabularyBytes> vocabulary_; // of the tokenizer, when needed

  // What may be reused. The number of threads belongs to it: it decides how some sums are split.
  struct Picture {
    std::string digest;
    int threads;
    bool operator==(const Picture &other) const {
      return digest == other.digest && threads == other.threads;
    }
  };
  struct Prefix {
    TokenIds ids; // of the text before the first picture
    int threads;
    bool operator==(const Prefix &other) const {
      return ids == other.ids && threads == other.threads;
    }
  };
  mutable Recent<Picture, at::Tensor> pictures_{8}; // visual tokens
  mutable Recent<Prefix, std::shared_ptr<const KvCache>> prefixes_{4};
  mutable Recent<uint64_t, std::shared_ptr<PastAnswers>> past_{64}; // by client
};

} // namespace vlm
