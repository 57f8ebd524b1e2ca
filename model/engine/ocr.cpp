// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/ocr.h"

#include "model/core/error.h"

#include <dlfcn.h>
#include <filesystem>

namespace vlm {
namespace {

constexpr const char *kLibrary = "libgst-vlm-ocr.so.0";

void *open_file(const std::string &path) {
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    fail(ErrorCategory::Unavailable, "OCR: ", dlerror());
  return library;
}

// Beside the library that holds this code; a program that was linked statically finds it where it
// was built.
void *open_library() {
  Dl_info info{};
  dladdr(reinterpret_cast<const void *>(&open_library), &info);
  const std::filesystem::path own = info.dli_fname ? info.dli_fname : "";
  for (const std::filesystem::path &folder : {own.parent_path(), std::filesystem::path(VLM_BUILD)})
    if (std::filesystem::exists(folder / kLibrary))
      return open_file((folder / kLibrary).string());
  fail(ErrorCategory::Unavailable, "OCR: this build has no Tesseract");
}

Ocr &ocr() {
  static const auto entry = reinterpret_cast<OcrEntry>(dlsym(open_library(), kOcrEntryName));
  return *entry();
}

// What stands for a picture in a prompt must not be written in one.
void remove_marks(std::string &text) {
  constexpr std::string_view mark = "<image>";
  for (size_t at; (at = text.find(mark)) != std::string::npos;)
    text.erase(at, mark.size());
}

std::string read_all(const Request &request, const Pace &pace) {
  std::string out;
  for (const Image &image : request.images) {
    pace.check();
    const std::string text = ocr().read(image);
    out += (out.empty() || text.empty() ? "" : ", ") + text;
  }
  remove_marks(out);
  return out;
}

} // namespace

void check_ocr() { ocr(); }

std::string recognise_text(const Request &request, const Pace &pace) {
  if (!request.memory)
    return read_all(request, pace);
  {
    std::lock_guard<std::mutex> lock(request.memory->mutex);
    if (request.memory->text)
      return *request.memory->text;
  }
  const std::string text = read_all(request, pace);
  std::lock_guard<std::mutex> lock(request.memory->mutex);
  request.memory->text = text;
  return text;
}

} // namespace vlm
