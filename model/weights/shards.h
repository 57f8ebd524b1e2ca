// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/safetensors.h"

#include <map>
#include <memory>
#include <string>

namespace vlm {

/// Safetensors files of one directory, and which of them each tensor is in. Every header is read
/// and checked.
struct Shards {
  std::map<std::string, std::unique_ptr<const TensorFile>> files; ///< by name, without folder
  std::map<std::string, const TensorFile *> places;               ///< by tensor
};

/// One file that holds everything. Errors as SafetensorsFile.
Shards open_single(const std::string &directory, const std::string &name);

/// The files that an index of Hugging Face's kind ("weight_map") names. Error(Format | NotFound)
/// also where index and files disagree, and for a shard that is no file of that directory.
Shards open_shards(const std::string &directory, const std::string &index_name);

} // namespace vlm
