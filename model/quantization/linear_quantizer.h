// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/quantized_weight.h"
#include "model/quantization/input_statistics.h"

#include <string>
#include <vector>

namespace vlm {

/// How one linear layer came out.
struct LinearReport {
  std::string name;     ///< without ".weight"
  std::string form;     ///< "int4", "int8", "int8, activations twice", "bfloat16"
  double smoothing = 0; ///< exponent of the smoothing vector; 0: none
  double error =
      0; ///< root mean square over calibration's inputs of |y' - y| / |y|; negative: was never used
};

/// A matrix [out, in] that is to be packed, with what calibration saw in front of it.
struct LinearTask {
  std::string name;
  int64_t out, in;
  QuantizedWeight::Rows rows;
  const InputStatistics *seen; ///< null: never used
};

struct PackedLinear {
  LinearReport report;
  std::vector<std::pair<std::string, at::Tensor>> tensors; ///< "qweight", ..., or "weight"
};

/// How wide the blocks of columns are in which rounding errors are made good (error_feedback.h) by
/// what so many rows of inputs say: 256 to 2048, a power of two; 0: they are too few.
int64_t feedback_width(int64_t rows);

/// Packs the matrix as `kind` with the smoothing vector
///   f_j = max |W_j|^(1 - a) / max |X_j|^a
/// (SmoothQuant, arXiv 2211.10438, equation 4, as a factor for X) whose exponent gives the smallest
/// error on calibration's inputs, over up to kSearchRows of its outputs; none where that is best.
/// A layer whose error stays above what `kind` allows is kept in the next finer form: int8, int8
/// with two terms for each activation, bfloat16. On all threads.
PackedLinear pack_linear(const LinearTask &task, Quantization kind);

} // namespace vlm
