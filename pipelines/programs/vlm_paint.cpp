// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures from a prompt.
#include "model/core/environment.h"
#include "model/core/log.h"
#include "model/core/machine.h"
#include "model/core/progress_bar.h"
#include "model/vision/image_file.h"
#include "pipelines/programs/painted_sheet.h"
#include "pipelines/programs/painting.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kUsage = "[OPTION...] --output FILE.png PROMPT";
constexpr const char *kAbout =
    "Paints a picture of what PROMPT says with an SDXL model in diffusers layout. Without --model\n"
    "the embedded painter paints.\n"
    "\n"
    "  vlm-paint --model stable-diffusion-xl-base-1.0 --output bird.png \"A red bird on a table\"\n"
    "  vlm-paint --model sdxl --size 768x512 --steps 30 --seed 7 --output sea.png \"The sea\"\n"
    "  vlm-paint --model sdxl --count 6 --output sheet.png \"A lighthouse\"   # seeds 0 to 5\n"
    "\n"
    "With --count the pictures are written as FILE-SEED.png, and FILE.png shows them all.";

struct Options {
  PainterOptions painter;
  PaintRequest request;
  std::string output;
  int64_t count = 1;
  bool as_json = false, verbose = false;
};

void check(const Options &o, const std::vector<std::string> &operands) {
  if (operands.size() != 1)
    fail(ErrorCategory::Settings, "give one PROMPT (see --help)");
  if (o.output.empty())
    fail(ErrorCategory::Settings, "give --output (see --help)");
  if (o.count < 1 || o.count > 10000)
    fail(ErrorCategory::Settings, "--count is ", o.count, ", must be 1 to 10000");
  if (o.count > 1 && !(o.request.latents_path.empty() && o.request.dump_path.empty()))
    fail(ErrorCategory::Settings, "--latents and --dump do not go with --count");
  if (o.request.seed > std::numeric_limits<uint64_t>::max() - static_cast<uint64_t>(o.count - 1))
    fail(ErrorCategory::Settings, "--seed ", o.request.seed, " leaves no seeds for --count ",
         o.count);
  check_png("--output", o.output);
  check_writable("--output", o.output);
  if (!o.request.dump_path.empty())
    check_writable("--dump", o.request.dump_path);
}

Options parse(int argc, char **argv) {
  Options o;
  CommandLine line("vlm-paint", kUsage, kAbout);
  line.text("model", "DIR", "SDXL directory in diffusers layout (default: the embedded painter)",
            &o.painter.path);
  line.text("output", "FILE", "picture to write (PNG)", &o.output);
  line.text("precision", "P", "auto, float32, bfloat16 (default auto)", &o.painter.precision);
  line.text("device", "D", "cpu (default cpu)", &o.painter.device);
  line.integer("threads", "N", "0: all that the process may use (default 0)", &o.painter.threads);
  add_painting_options(line, o.request);
  line.integer("seed", "S", "of the initial noise (default 0)", &o.request.seed);
  line.integer("count", "N", "pictures of as many seeds, and all on one sheet (default 1)",
               &o.count);
  line.text("latents", "FILE", "initial noise from a safetensors file, instead of a seed",
            &o.request.latents_path);
  line.text("dump", "FILE", "write intermediate tensors as safetensors", &o.request.dump_path);
  line.flag("json", "print one JSON object", &o.as_json);
  line.flag("verbose", "tell what is decided", &o.verbose);
  const std::vector<std::string> operands = line.parse(argc, argv);
  check(o, operands);
  o.request.prompt = operands[0];
  o.request.keep_loaded = o.count > 1; // the text encoders
  return o;
}

std::string with_seed(const std::string &file, uint64_t seed) {
  const fs::path path(file);
  return (path.parent_path() / path.stem()).string() + "-" + std::to_string(seed) +
         path.extension().string();
}

json describe(const Painting &painting, const PaintRequest &request, const std::string &output) {
  return {{"output", output},
          {"seed", request.seed},
          {"cut_tokens", painting.cut},
          {"negative_cut_tokens", painting.negative_cut},
          {"timings",
           {{"encode", painting.encode_seconds},
            {"denoise", painting.denoise_seconds},
            {"decode", painting.decode_seconds}}}};
}

void print_json(const Options &o, const PaintRequest &request, const PainterInfo &info,
                const json &pictures) {
  const json all = {{"output", o.output},
                    {"prompt", o.request.prompt},
                    {"negative_prompt", o.request.negative_prompt},
                    {"width", request.width},
                    {"height", request.height},
                    {"steps", o.request.steps},
                    {"guidance", o.request.guidance},
                    {"model", info.name},
                    {"precision", info.precision},
                    {"pictures", pictures}};
  std::cout << all.dump() << "\n";
}

int run(int argc, char **argv) {
  const Options o = parse(argc, argv);
  set_log_sink([&](LogLevel level, const std::string &line) {
    if (o.verbose || level == LogLevel::Error)
      std::cerr << "vlm-paint: " << line << "\n";
  });
  check_painting("--model", o.painter, o.request);
  const CancelToken cancel;
  cancel_on_signal(cancel);
  const auto painter = load_painter(o.painter, cancel);
  PaintRequest request = o.request;
  request.width = request.width ? request.width : painter->info().default_size;
  request.height = request.height ? request.height : painter->info().default_size;
  std::optional<PaintedSheet> sheet; // of several pictures
  if (o.count > 1)
    sheet.emplace(o.count, request.width, request.height, available_memory());
  json pictures = json::array();
  ProgressBar bar("painting", "steps", o.count * request.steps);
  bar.update(0); // a large model's first step takes a while
  for (int64_t i = 0; i < o.count; ++i, ++request.seed) {
    const Painting painting = painter->paint(
        request, cancel, [&](const PaintStep &done) { bar.update(i * done.steps + done.step); });
    const std::string file = sheet ? with_seed(o.output, request.seed) : o.output;
    save_png(file, painting.image);
    if (sheet)
      sheet->add(painting.image);
    if (!o.as_json && i == 0)
      tell_cut("vlm-paint", request, painting);
    pictures.push_back(describe(painting, request, file));
  }
  bar.clear();
  if (sheet)
    save_png(o.output, sheet->image());
  if (o.as_json)
    print_json(o, request, painter->info(), pictures);
  return kDone;
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  vlm::restart_prepared(argv);
  return vlm::run_program("vlm-paint", [&] { return vlm::run(argc, argv); });
}
