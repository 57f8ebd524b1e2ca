// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/user_folders.h"

#include <cstdlib>

namespace vlm {
namespace {

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

// Relative paths in XDG's variables are to be ignored.
std::string base(const char *name, const std::string &below_home) {
  const std::string chosen = variable(name), home = variable("HOME");
  if (!chosen.empty() && chosen[0] == '/')
    return chosen;
  return home.empty() ? "" : home + below_home;
}

} // namespace

std::string user_state_folder(const std::string &name) {
  const std::string state = base("XDG_STATE_HOME", "/.local/state");
  return (state.empty() ? "." : state) + "/gst-vlm/" + name;
}

std::string user_cache_folder(const std::string &name) {
  const bool chosen = std::getenv("GST_VLM_CACHE_DIR") != nullptr;
  const std::string cache = base("XDG_CACHE_HOME", "/.cache");
  const std::string folder = chosen          ? variable("GST_VLM_CACHE_DIR")
                             : cache.empty() ? ""
                                             : cache + "/gst-vlm";
  return folder.empty() ? "" : folder + "/" + name;
}

} // namespace vlm
