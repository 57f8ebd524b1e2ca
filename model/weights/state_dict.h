// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/quantization.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vlm {

/// Named tensors that a model is built from: a checkpoint on disk, or parameters under training.
/// Names are those of the released checkpoints (mgm-spec section 7). Not thread-safe.
class StateDict {
public:
  virtual ~StateDict() = default;

  virtual bool contains(const std::string &name) const = 0;

  /// Every name, sorted.
  virtual std::vector<std::string> names() const = 0;

  /// Shape of a tensor that contains() knows; Error(Format) naming file and tensor otherwise.
  virtual std::vector<int64_t> shape(const std::string &name) const = 0;

  /// The tensor as `dtype`, contiguous, in memory of its own (a dictionary of parameters under
  /// training hands out the parameter itself instead, so that gradients reach it). Error(Format)
  /// when it is missing or holds NaN or infinity.
  virtual at::Tensor load(const std::string &name, at::ScalarType dtype) const = 0;

  /// The same of rows [first, first + count) of its first dimension, without the whole in memory
  /// where the dictionary can.
  virtual at::Tensor load_rows(const std::string &name, at::ScalarType dtype, int64_t first,
                               int64_t count) const {
    return load(name, dtype).narrow(0, first, count);
  }

  /// Where a tensor comes from, for messages: a file's path.
  virtual std::string origin(const std::string &name) const = 0;
};

class LinearObserver;

/// Is given what matrices were packed into, for a cache.
class PackedSink {
public:
  virtual ~PackedSink() = default;
  virtual void keep(const std::string &name, const at::Tensor &tensor) = 0;
};

/// A part of a StateDict below a prefix, with the types and device that a module's tensors get.
/// Cheap to copy.
class Scope {
public:
  /// `matrix_dtype`: type of weights that go into products (Linear, embeddings); everything else
  /// (norms, biases, convolution kernels, positions) is float32. `used` (may be null) collects the
  /// names that were asked for; it and `dict` must outlive the scope.
  Scope(const StateDict &dict, at::ScalarType matrix_dtype, at::Device device = at::kCPU,
        std::vector<std::string> *used = nullptr);

  /// The scope "prefix + name + '.'".
  Scope sub(const std::string &name) const;
  Scope sub(int64_t index) const { return sub(std::to_string(index)); }

  /// The same scope whose linear layers hold their matrices in this way. matrix() stays as it is.
  Scope quantized(Quantization kind) const;
  Quantization quantization() const { return quantization_; }

  /// The same scope for weights that are used once: of several experts one at a time is in memory,
  /// read anew for each use (language/feed_forward.h).
  Scope streamed() const;
  bool is_streamed() const { return streamed_; }

  /// The same scope whose linear layers tell it what they are given (compute/linear.h).
  Scope observed(LinearObserver *observer) const;
  LinearObserver *observer() const { return observer_; }

  /// The same scope whose linear layers hand `sink` what they packed (compute/quantized_weight.h).
  Scope kept_by(PackedSink *sink) const;
  void keep(const std::string &name, const at::Tensor &tensor) const {
    if (sink_)
      sink_->keep(prefix_ + name, tensor);
  }

  const std::string &prefix() const { return prefix_; }
  bool contains(const std::string &name) const;
  std::vector<int64_t> shape(const std::string &name) const;

  /// Float32 tensor of exactly `shape`; Error(Format) naming file, tensor, both shapes.
  at::Tensor tensor(const std::string &name, const std::vector<int64_t> &shape) const;
  /// The same in the type of matrices.
  at::Tensor matrix(const std::string &name, const std::vector<int64_t> &shape) const;

  /// Bytes of exactly `shape`, stored as such.
  at::Tensor bytes(const std::string &name, const std::vector<int64_t> &shape) const;

  /// Float32 rows [first, first + count) of a matrix of exactly `shape`.
  at::Tensor rows(const std::string &name, const std::vector<int64_t> &shape, int64_t first,
                  int64_t count) const;

  /// 1 + the largest N for which a name begins with "prefix + name + '.' + N + '.'"; 0 without any.
  int64_t count(const std::string &name) const;

  at::Device device() const { return device_; }
  at::ScalarType matrix_dtype() const { return matrix_dtype_; }

  /// Error(Format): "FILE: tensor NAME " and what is wrong with it.
  [[noreturn]] void wrong(const std::string &name, const std::string &what) const;

private:
  at::Tensor take(const std::string &name, const std::vector<int64_t> &shape,
                  at::ScalarType dtype) const;
  std::string checked(const std::string &name, const std::vector<int64_t> &shape) const;
  const StateDict *dict_;
  at::ScalarType matrix_dtype_;
  Quantization quantization_ = Quantization::None;
  bool streamed_ = false;
  LinearObserver *observer_ = nullptr;
  PackedSink *sink_ = nullptr;
  at::Device device_;
  std::vector<std::string> *used_;
  std::string prefix_;
};

} // namespace vlm
