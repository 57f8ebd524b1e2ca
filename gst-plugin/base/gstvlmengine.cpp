// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/base/gstvlmengine.h"

#include "gst-plugin/base/openmpwaiting.h"
#include "model/core/error.h"

#include <gst/gst.h>

#include <dlfcn.h>
#include <mutex>
#include <string>
#include <vector>

GST_DEBUG_CATEGORY_STATIC (vlm_backend_debug);
#define GST_CAT_DEFAULT vlm_backend_debug

namespace gstvlm
{
namespace
{

constexpr const char * kLibrary = "libgst-vlm-model.so.0";

// Folder of the file that holds this code.
std::string
plugin_folder ()
{
  Dl_info info;
  if (!dladdr (reinterpret_cast<void *> (&plugin_folder), &info))
    return ".";
  const std::string path = info.dli_fname;
  const size_t slash = path.rfind ('/');
  return slash == std::string::npos ? "." : path.substr (0, slash);
}

std::vector<std::string>
candidates ()
{
  if (const char * chosen = g_getenv ("GST_VLM_ENGINE"))
    return {chosen};
  const std::string folder = plugin_folder ();
  return {
      folder + "/../model/engine/" + kLibrary, // build tree
      folder + "/../" + kLibrary,              // LIBDIR/gstreamer-1.0
      std::string (VLM_LIBDIR "/") + kLibrary,
  };
}

// Null when the file cannot be used; `problem` then says why. A library that
// was loaded once stays: its threads and static objects may outlive every
// element.
vlm::Engine *
load (const std::string &path, std::string &problem)
{
  void * library =
      dlopen (path.c_str (), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    problem = dlerror ();
    return nullptr;
  }
  const auto entry = reinterpret_cast<vlm::EngineEntry> (
      dlsym (library, vlm::kEngineEntryName));
  vlm::Engine * engine = entry ? entry (vlm::kEngineInterface) : nullptr;
  if (engine)
    let_openmp_threads_sleep (library);
  else
    problem = path + ": no engine of interface " +
              std::to_string (vlm::kEngineInterface) + " in this library";
  return engine;
}

void
write_log (vlm::LogLevel level, const std::string &line)
{
  GstDebugLevel gst_level = GST_LEVEL_DEBUG;
  if (level == vlm::LogLevel::Error)
    gst_level = GST_LEVEL_ERROR;
  else if (level == vlm::LogLevel::Warning)
    gst_level = GST_LEVEL_WARNING;
  else if (level == vlm::LogLevel::Info)
    gst_level = GST_LEVEL_INFO;
  GST_CAT_LEVEL_LOG (vlm_backend_debug, gst_level, NULL, "%s", line.c_str ());
}

vlm::Engine *
find_engine ()
{
  GST_DEBUG_CATEGORY_INIT (
      vlm_backend_debug, "vlmbackend", 0, "inference engine of the vlm plugin");
  std::string tried;
  for (const std::string &path : candidates ()) {
    std::string problem;
    if (vlm::Engine * engine = load (path, problem)) {
      GST_INFO ("engine is %s", path.c_str ());
      if (g_getenv ("OPENBLAS_CORETYPE"))
        GST_WARNING ("OPENBLAS_CORETYPE is set: it can halve the speed");
      engine->set_log_sink (write_log);
      return engine;
    }
    tried += (tried.empty () ? "" : "; ") + problem;
  }
  vlm::fail (vlm::ErrorCategory::Unavailable,
      "the inference engine cannot be loaded, tried: ", tried);
}

} // namespace

vlm::Engine &
engine ()
{
  static std::mutex mutex;
  static vlm::Engine * found;
  std::lock_guard<std::mutex> lock (mutex);
  if (!found)
    found = find_engine (); // a failure is not remembered
  return *found;
}

} // namespace gstvlm
