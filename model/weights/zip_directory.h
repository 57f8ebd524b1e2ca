// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/mapped_file.h"

#include <map>
#include <string>
#include <string_view>

namespace vlm {

/// Entries of a zip archive (zip64 as well) as torch.save writes it: stored, not compressed, not
/// encrypted. Every range was checked against the file and against the other entries. Error(Format)
/// naming file and entry; Error(Unsupported) for compressed or encrypted entries.
std::map<std::string, std::string_view> read_zip_directory(const MappedFile &file);

} // namespace vlm
