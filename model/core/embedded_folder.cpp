// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/embedded_folder.h"

#include <dlfcn.h>
#include <filesystem>

namespace vlm {
namespace {

namespace fs = std::filesystem;

// The file that the code was loaded from: the shared library, or a program linked statically.
fs::path file_of(const void *code) {
  Dl_info info{};
  dladdr(code, &info);
  std::error_code ignored;
  return fs::canonical(info.dli_fname ? info.dli_fname : "", ignored);
}

} // namespace

EmbeddedFolder find_embedded_folder(const void *code, const std::string &name,
                                    const std::string &file) {
  // In a build tree the source's absolute path is known; an installed library lies in
  // PREFIX/LIBDIR, its data in PREFIX/share/gst-vlm. The installed place is told relative to the
  // library, so that a moved prefix works.
  EmbeddedFolder found;
  for (const fs::path &root :
       {file_of(code).parent_path() / VLM_INSTALLED_MODELS, fs::path(VLM_SOURCE_MODELS)}) {
    const std::string folder = (root / name).lexically_normal().string();
    std::error_code ignored;
    if (fs::exists(fs::path(folder) / file, ignored)) {
      found.path = folder;
      return found;
    }
    found.tried += (found.tried.empty() ? "" : ", ") + folder;
  }
  return found;
}

} // namespace vlm
