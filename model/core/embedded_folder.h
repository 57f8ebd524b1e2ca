// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace vlm {

/// Where a model that comes with the library lies: `path` is the folder `name` of the installed
/// data, else that of the source tree, whichever has `file`; empty when neither has, and `tried`
/// says which folders were looked at. `code`: a function that nothing but the library holds; of
/// those of this folder a program may have copies of its own.
struct EmbeddedFolder {
  std::string path, tried;
};
EmbeddedFolder find_embedded_folder(const void *code, const std::string &name,
                                    const std::string &file);

} // namespace vlm
