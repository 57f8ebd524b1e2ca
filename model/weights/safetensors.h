// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/mapped_file.h"

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vlm {

/// One safetensors file, memory-mapped. The constructor checks the whole header before any tensor
/// is used: length, JSON, known dtypes, shapes against byte ranges, no overlap, no gap, no
/// duplicate, nothing outside the file. Const members may be called from any thread.
class SafetensorsFile {
public:
  struct Info {
    at::ScalarType dtype;
    std::vector<int64_t> shape;
    size_t offset; ///< of the first byte, from the start of the file
    size_t bytes;
  };

  /// Error(NotFound | Unreadable | Format, Unsupported for an unknown dtype) naming file and
  /// tensor.
  explicit SafetensorsFile(const std::string &path);

  const std::string &path() const { return file_.path(); }
  const std::map<std::string, Info> &tensors() const { return tensors_; }
  /// The header's bytes (for a digest).
  std::string_view header() const { return header_; }

  /// A copy of the tensor in memory of its own, as `dtype` (its stored type without one). The
  /// mapped pages are given back, so that they never count beside the copy. Error(Format) if it is
  /// missing.
  at::Tensor load(const std::string &name, std::optional<at::ScalarType> dtype = {}) const;
  /// The same; `finite` (may be null) receives whether the copy is free of NaN and infinity.
  at::Tensor load(const std::string &name, std::optional<at::ScalarType> dtype, bool *finite) const;

private:
  MappedFile file_;
  std::string_view header_;
  std::map<std::string, Info> tensors_;
};

/// Writes tensors in the given order (contiguous CPU copies are made where needed) to a temporary
/// file beside `path`, syncs it and renames it into place. Error(Unreadable) naming `path`.
void write_safetensors(const std::string &path,
                       const std::vector<std::pair<std::string, at::Tensor>> &tensors,
                       const std::map<std::string, std::string> &metadata = {{"format", "pt"}});

} // namespace vlm
