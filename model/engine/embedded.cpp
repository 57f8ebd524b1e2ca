// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/model.h"

#include "model/core/error.h"

#include <dlfcn.h>
#include <filesystem>

namespace vlm {
namespace {

// The file that this code was loaded from: the shared library, or a program linked statically.
std::filesystem::path own_file() {
  Dl_info info{};
  dladdr(reinterpret_cast<const void *>(&embedded_model_path), &info);
  std::error_code ignored;
  return std::filesystem::canonical(info.dli_fname ? info.dli_fname : "", ignored);
}

} // namespace

std::string embedded_model_path() {
  // In a build tree the source's absolute path is known; an installed library lies in
  // PREFIX/LIBDIR, the model in PREFIX/share/gst-vlm. The installed place is told relative to the
  // library, so that a moved prefix works.
  const std::filesystem::path candidates[] = {
      own_file().parent_path() / VLM_INSTALLED_MODEL,
      VLM_SOURCE_MODEL,
  };
  std::string tried;
  for (const std::filesystem::path &candidate : candidates) {
    if (std::filesystem::exists(candidate / "config.json"))
      return candidate.lexically_normal().string();
    tried += (tried.empty() ? "" : ", ") + candidate.lexically_normal().string();
  }
  fail(ErrorCategory::NotFound, "the embedded model was not found; looked in ", tried);
}

} // namespace vlm
