// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/integer_kernels.h"
#include "model/weights/state_dict.h"

#include <ATen/core/Tensor.h>

#include <functional>

namespace vlm {

class ErrorFeedback;

/// What activations that were measured have to say about a matrix.
struct Calibration {
  at::Tensor smoothing = {};               ///< float32 [in], all above zero; undefined: ones
  int64_t activation_terms = 1;            ///< 2 where activations are hard to round
  const ErrorFeedback *feedback = nullptr; ///< of smoothed activations; int4 alone uses it
};

/// A matrix [out, in] of integers in [-127, 127] with a float32 scale per row, packed for the
/// kernels (integer_kernels.h). Int8 holds the integers themselves: a row's largest value is 127.
/// Int4 holds them as offset + scale * nibble, the offsets and scales (integers too) for groups of
/// 32 columns: 4.5 bits a weight, and nothing is lost in unpacking it to int8 (the progressive
/// quantisation of QServe, arXiv 2405.04532, with smaller groups). With `smoothing` f the integers
/// are those of w_j / f_j, and activations are multiplied by f_j before they are rounded
/// (SmoothQuant, arXiv 2211.10438): what is hard to round in the ones moves to the other.
/// Immutable.
class QuantizedWeight {
public:
  /// Float32 rows [first, first + count) of the matrix, [count, in].
  using Rows = std::function<at::Tensor(int64_t first, int64_t count)>;

  /// Asks `rows` for a few rows at a time, in order: no other form of the matrix is ever whole in
  /// memory. On all threads. Error(Unsupported) for more columns than 32-bit sums allow.
  QuantizedWeight(Quantization kind, int64_t out, int64_t in, const Rows &rows,
                  const Calibration &found = {});

  /// What tensors() gave, from a checkpoint. Error(Format) naming file and tensor.
  QuantizedWeight(const Scope &scope, int64_t out, int64_t in);

  /// By the names in a checkpoint: `qweight` uint8 [panels, blocks, bytes of a block], `scales`
  /// float32 [panels * kPanelRows], when there is one `smoothing` float32 [in], and when there are
  /// two `activation_terms` uint8 [1].
  std::vector<std::pair<std::string, at::Tensor>> tensors() const;

  Quantization kind() const { return kind_; }
  int64_t in_features() const { return in_; }
  int64_t out_features() const { return out_; }
  const at::Tensor &smoothing() const { return smoothing_; } ///< may be undefined
  /// How many int8 numbers stand for an activation (quantized_rows.h).
  int64_t activation_terms() const { return activation_terms_; }
  uint64_t bytes() const { return packed_.nbytes() + scales_.nbytes(); }

  int64_t panels() const { return scales_.numel() / kPanelRows; }
  int64_t blocks() const { return packed_.size(1); } ///< in a panel
  /// Scales of a panel's rows; zeros for those behind the last row.
  const float *scales(int64_t panel) const;
  /// From a block of a panel on; by kind().
  const int8_t *int8(int64_t panel, int64_t block) const;
  const Int4Block *int4(int64_t panel, int64_t block) const;

  /// Writes one row of the matrix as it is held to `to`, in_features() values.
  void row(int64_t number, float *to) const;

private:
  void pack(const float *rows, int64_t count, int64_t panel, const ErrorFeedback *feedback);
  Quantization kind_;
  int64_t out_, in_;
  at::Tensor packed_; // uint8 [panels, blocks, bytes of a block]
  at::Tensor scales_; // float32 [panels * kPanelRows]
  at::Tensor smoothing_;
  int64_t activation_terms_ = 1;
};

/// A block of 4-bit weights as one of int8.
void unpack(const Int4Block &block, int8_t *out);

} // namespace vlm
