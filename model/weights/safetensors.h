// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/tensor_file.h"

#include <utility>

namespace vlm {

/// One safetensors file. The constructor checks the whole header before any tensor is used: length,
/// JSON, known dtypes, shapes against byte ranges, no overlap, no gap, no duplicate, nothing
/// outside the file.
class SafetensorsFile : public TensorFile {
public:
  /// Error(NotFound | Unreadable | Format, Unsupported for an unknown dtype) naming file and
  /// tensor.
  explicit SafetensorsFile(const std::string &path);
};

/// Whether a file must outlive a loss of power.
enum class Durability { Synced, Cache };

/// Writes tensors in the given order (contiguous CPU copies are made where needed) to a temporary
/// file beside `path`, syncs it if it must last, and renames it into place. Error(Unreadable) naming
/// `path`.
void write_safetensors(const std::string &path,
                       const std::vector<std::pair<std::string, at::Tensor>> &tensors,
                       const std::map<std::string, std::string> &metadata = {{"format", "pt"}},
                       Durability durability = Durability::Synced);

} // namespace vlm
