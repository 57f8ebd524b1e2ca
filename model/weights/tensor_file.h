// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/mapped_file.h"

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// Named tensors in one memory-mapped file. The constructors of the derived readers check
/// everything that the members rely on; the members may be called from any thread.
class TensorFile {
public:
  struct Info {
    at::ScalarType dtype;
    std::vector<int64_t> shape;
    size_t offset;                ///< of the first byte, from the start of the file
    size_t bytes;                 ///< from there to the end of the last element
    std::vector<int64_t> strides; ///< in elements; empty for a contiguous tensor
  };

  virtual ~TensorFile() = default;

  const std::string &path() const { return file_.path(); }
  const std::map<std::string, Info> &tensors() const { return tensors_; }
  /// Error(Format) naming file and tensor if it is missing.
  const Info &info(const std::string &name) const;

  /// A copy of the tensor, contiguous, in memory of its own, as `dtype` (its stored type without
  /// one). The mapped pages are given back, so that they never count beside the copy. `finite` (may
  /// be null) receives whether the copy is free of NaN and infinity.
  at::Tensor load(const std::string &name, std::optional<at::ScalarType> dtype = {},
                  bool *finite = nullptr) const;
  /// The same of rows [first, first + count) of the first dimension.
  at::Tensor load_rows(const std::string &name, int64_t first, int64_t count, at::ScalarType dtype,
                       bool *finite) const;

  /// What names, types and shapes are read from, and a tensor's bytes (for a digest).
  std::string_view header() const { return header_; }
  /// A remark that the file holds about itself; empty when it does not.
  std::string metadata(const std::string &key) const {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? std::string() : found->second;
  }
  std::string_view bytes(const Info &info) const {
    return file_.bytes().substr(info.offset, info.bytes);
  }
  /// Has what lies behind the tensor read from the disk meanwhile.
  void prefetch_behind(const Info &info) const;

protected:
  explicit TensorFile(const std::string &path) : file_(path) {}

  MappedFile file_;
  std::string_view header_;
  std::map<std::string, Info> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Number of elements. Nothing when a size is negative, when there are more than 8 of them, or when
/// their product (zeros left out, as strides see it) leaves 48 bits.
std::optional<int64_t> checked_numel(const std::vector<int64_t> &shape);

} // namespace vlm
