// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/language/decoder_layer.h"
#include "model/quantization/hidden_states.h"
#include "model/quantization/material.h"
#include "model/quantization/overlay_state_dict.h"
#include "model/quantization/partial_output.h"
#include "model/quantization/quantize_model.h"
#include "model/weights/checkpoint.h"
#include "model/weights/model_config.h"

namespace vlm {

/// What is quantised, and what it reads meanwhile.
struct Source {
  /// Error(Unsupported) when the model is quantised already. Pictures are left out for a model
  /// without towers; none: the drawn ones; more than kMostViews allows: evenly chosen ones.
  Source(const std::string &directory, const std::vector<std::string> &texts,
         std::vector<std::function<Image()>> pictures);

  Checkpoint checkpoint;
  ModelConfig config;
  Material material;
};

/// One pass through a model, part by part: towers, decoder layers, head. After each part the hidden
/// states of all prompts are kept on disk, as the model itself has them ("reference") and as its
/// packed form has them ("quantized").
class QuantizationRun {
public:
  /// Goes on from where `output` stands.
  QuantizationRun(const Source &source, Quantization precision, const PartialOutput &output,
                  const QuantizeProgress &progress, const CancelToken &cancel);

  /// Does what is left and publishes the output.
  QuantizeReport finish();

private:
  using Used = std::vector<std::string>;

  void save() const;
  /// Behind the parts that are done, or behind the one that is at work.
  HiddenStates done(const char *form) const { return {output_.folder_at(done_), form}; }
  HiddenStates next(const char *form) const { return {output_.folder_at(done_ + 1), form}; }
  void run(const DecoderLayer &layer, const char *form) const;
  void see();
  void read_layer(int64_t index);
  int64_t recorded_width() const;
  void write_head();

  void pack(const std::string &part, Used used, const InputRecorder &recorder,
            OverlayStateDict &packed);
  PackedLinear pack_matrix(const std::string &name, const std::string &weight, Quantization kind,
                           const InputRecorder &recorder) const;
  std::vector<at::Tensor> picture_tokens(const StateDict &dict, Used *used,
                                         LinearObserver *observer) const;
  void embed(const std::vector<at::Tensor> &pictures, const Linear &table,
             const HiddenStates &to) const;
  Linear rounded_embeddings() const;
  bool tied() const { return source_.config.decoder.tie_word_embeddings; }
  double perplexity(const HiddenStates &hidden, const RmsNorm &norm, const Linear &head);
  void write_files() const;
  int64_t parts() const { return source_.config.decoder.num_hidden_layers + 2; }

  const Source &source_;
  Quantization precision_;
  const PartialOutput &output_;
  const QuantizeProgress &progress_;
  const CancelToken &cancel_;
  int64_t done_ = 0; // parts
  QuantizeReport report_;
};

} // namespace vlm
