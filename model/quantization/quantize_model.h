// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/quantization/linear_quantizer.h"
#include "model/vision/image.h"

#include <functional>
#include <string>
#include <vector>

namespace vlm {

/// Of all pictures together, of which HD models see several of each: every layer takes its time for
/// each of them.
constexpr size_t kMostViews = 16;

struct QuantizeOptions {
  std::string model;  ///< checkpoint directory
  std::string output; ///< directory to make
  Quantization precision = Quantization::Int8;
  std::vector<std::function<Image()>> pictures; ///< to calibrate on, of many some; empty: drawn
  std::vector<std::string> texts;               ///< UTF-8, to calibrate on beside the bundled ones
  int threads = 0;                              ///< 0: all that the process may use
};

struct QuantizeReport {
  std::vector<LinearReport> linears;
  int64_t tokens = 0;                              ///< of text that the perplexities are over
  double perplexity = 0, quantized_perplexity = 0; ///< of all texts
  std::string digest;                              ///< of the model that was made
  uint64_t bytes = 0;                              ///< of its weights
};

/// Gets how many matrices of all are done, and which part is at work.
using QuantizeProgress = std::function<void(int64_t done, int64_t total, const std::string &part)>;

/// Makes a quantised checkpoint (weights/README.md has its format) of an MGM checkpoint, one
/// decoder layer in memory at a time: each layer runs on the calibration material in bfloat16, its
/// matrices are packed by what was seen, and the packed layer runs too, so that its error is known.
/// Stopped by `cancel` (Error(Cancelled)), killed, or ended by an error, as that of a full disk, it
/// goes on where it was when called again with the same options, to the same bytes. Errors name the
/// file, tensor or option, and where finished parts are kept; before the first there is nothing to
/// keep. Error(Unsupported) for a model that is quantised already, Error(Settings) while another
/// process makes the same output.
QuantizeReport quantize_model(const QuantizeOptions &options, const QuantizeProgress &progress,
                              const CancelToken &cancel);

} // namespace vlm
