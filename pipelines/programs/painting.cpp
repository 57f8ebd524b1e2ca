// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/painting.h"

#include "model/core/error.h"
#include "model/core/progress_bar.h"
#include "pipelines/programs/file_ending.h"

#include <charconv>
#include <filesystem>
#include <iostream>
#include <unistd.h>

namespace vlm {

namespace fs = std::filesystem;

void read_size(const std::string &text, PaintRequest &request) {
  const char *end = text.data() + text.size();
  const auto [cross, bad_width] = std::from_chars(text.data(), end, request.width);
  if (bad_width == std::errc() && cross != end && *cross == 'x') {
    const auto [last, bad_height] = std::from_chars(cross + 1, end, request.height);
    if (bad_height == std::errc() && last == end && request.width > 0 && request.height > 0)
      return;
  }
  fail(ErrorCategory::Settings, "--size: \"", text, "\" is not WIDTHxHEIGHT");
}

void add_painting_options(CommandLine &line, PaintRequest &request) {
  add_denoising_options(line, request);
  line.repeated("size", "WxH", "of the picture, multiples of 8 (default: the painter's)",
                [&request](const std::string &text) { read_size(text, request); });
}

void add_denoising_options(CommandLine &line, PaintRequest &request) {
  line.integer("steps", "N", "denoising steps (default " + std::to_string(request.steps) + ")",
               &request.steps);
  line.number("guidance", "G", "how closely to follow the prompt (default 5)", &request.guidance);
  line.text("negative", "TEXT", "what to avoid (default: Mini-Gemini's long list)",
            &request.negative_prompt);
}

void check_png(const char *option, const std::string &file) {
  if (ending_of(file) != ".png")
    fail(ErrorCategory::Settings, option, ": \"", file,
         "\" does not end in .png: pictures are written as PNG");
}

void check_writable(const char *option, const std::string &file) {
  const fs::path folder = fs::path(file).parent_path();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0 || fs::is_directory(file))
    fail(ErrorCategory::Unreadable, option, ": ", file, ": cannot be written");
}

void check_painting(const char *option, const PainterOptions &options,
                    const PaintRequest &request) {
  try {
    if (options.path.empty())
      embedded_painter_path();
  } catch (const Error &error) {
    fail(error.category(), option, " is not given: ", error.what());
  }
  Painter::check(options, request);
}

std::unique_ptr<Painter> load_painter(const PainterOptions &options, const CancelToken &cancel) {
  ProgressBar bar("loading", "%", 100);
  auto painter = Painter::open(
      options, [&](double share) { bar.update(static_cast<int64_t>(100 * share)); }, cancel);
  bar.clear();
  return painter;
}

namespace {

void tell_cut(const char *program, const char *what, int64_t tokens) {
  if (tokens > 0)
    std::cerr << program << ": the " << what << " is too long for the model: its last " << tokens
              << " tokens were cut off\n";
}

} // namespace

void tell_cut(const char *program, const PaintRequest &request, const Painting &painting) {
  tell_cut(program, "prompt", painting.cut);
  if (request.negative_prompt != kDefaultNegativePrompt && request.guidance > 1)
    tell_cut(program, "negative prompt", painting.negative_cut);
}

} // namespace vlm
