// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/embedded_folder.h"
#include "model/core/error.h"
#include "model/engine/model.h"

namespace vlm {

std::string embedded_model_path() {
  const EmbeddedFolder found = find_embedded_folder(
      reinterpret_cast<const void *>(&embedded_model_path), "embedded", "config.json");
  if (found.path.empty())
    fail(ErrorCategory::NotFound, "the embedded model was not found; looked in ", found.tried);
  return found.path;
}

} // namespace vlm
