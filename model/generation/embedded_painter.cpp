// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/embedded_folder.h"
#include "model/core/error.h"
#include "model/generation/painter.h"

#include <cstdlib>

namespace vlm {

std::string embedded_painter_path() {
  if (const char *chosen = std::getenv("GST_VLM_PAINTER"); chosen && *chosen)
    return chosen;
  const EmbeddedFolder found =
      find_embedded_folder(reinterpret_cast<const void *>(&embedded_painter_path),
                           "embedded-painter", "model_index.json");
  if (found.path.empty())
    fail(ErrorCategory::Settings, "no painter is embedded: name the directory of an SDXL model in ",
         "diffusers layout, here or in the environment variable GST_VLM_PAINTER; looked in ",
         found.tried);
  return found.path;
}

} // namespace vlm
