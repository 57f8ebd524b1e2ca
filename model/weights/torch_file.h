// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/tensor_file.h"

namespace vlm {

/// A state dictionary that torch.save wrote as a zip file (.bin, .pt, .pth), read without running
/// anything in it (pickle_reader.h). A dictionary below the key "state_dict" is taken instead of
/// the outer one. Offsets, sizes and strides were checked against the stored data.
class TorchFile : public TensorFile {
public:
  /// Error(NotFound | Unreadable | Format | Unsupported) naming the file and the tensor, entry or
  /// global.
  explicit TorchFile(const std::string &path);
};

} // namespace vlm
