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

std::string read_all(const Request &request, const Pace &pace) {
  std::string out;
  for (const Image &image : request.images) {
    pace.check();
    const std::string text = ocr().read(image);
    out += (out.empty() || text.empty() ? "" : ", ") + text;
  }
  return out;
}

} // namespace

void check_ocr() { ocr(); }

std::string without_marks(std::string text, const std::vector<std::string> &marks) {
  for (bool found = true; found;) {
    found = false;
    for (const std::string &mark : marks)
      for (size_t at; !mark.empty() && (at = text.find(mark)) != std::string::npos; found = true)
        text.erase(at, mark.size());
  }
  return text;
}

std::string recognise_text(const Request &request, const std::vector<std::string> &special,
                           const Pace &pace) {
  std::vector<std::string> marks = special;
  marks.push_back("<image>"); // stands for a picture in a prompt
  if (!request.memory)
    return without_marks(read_all(request, pace), marks);
  {
    std::lock_guard<std::mutex> lock(request.memory->mutex);
    if (request.memory->text)
      return *request.memory->text;
  }
  const std::string text = without_marks(read_all(request, pace), marks);
  std::lock_guard<std::mutex> lock(request.memory->mutex);
  request.memory->text = text;
  return text;
}

} // namespace vlm
