// SPDX-License-Identifier: LGPL-2.1-or-later
// A checkpoint with its weights in few bits, from one in floating point.
#include "model/core/environment.h"
#include "model/core/log.h"
#include "model/core/mapped_file.h"
#include "model/core/progress_bar.h"
#include "model/core/utf8.h"
#include "model/quantization/quantize_model.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/peak_memory.h"
#include "pipelines/programs/picture_folder.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kUsage = "[OPTION...] MODEL OUTPUT";
constexpr const char *kAbout =
    "Writes the checkpoint MODEL to the new directory OUTPUT with its weights in 8 or 4.5 bits.\n"
    "\n"
    "  vlm-quantize MGM-2B MGM-2B-int8\n"
    "  vlm-quantize --precision int4 --calibration ~/samples MGM-7B MGM-7B-int4\n"
    "  vlm-ask --model MGM-2B-int8 \"What is this?\" photo.jpg\n"
    "\n"
    "Activations are measured on pictures and texts like those that it will see (--calibration),\n"
    "or on a few drawn pictures, and on a thousand bundled words. For int4, 50 kB of text of "
    "several\n"
    "kinds are worth their time. One decoder layer is in memory at a time. A run that was "
    "stopped,\n"
    "or found the disk full, is taken up again by the same command, from OUTPUT.partial.";

struct Options {
  QuantizeOptions quantize;
  std::string precision = "int8", calibration;
  bool as_json = false;
};

Options parse(int argc, char **argv) {
  Options o;
  CommandLine line("vlm-quantize", kUsage, kAbout);
  line.text("precision", "P", "int8, int4 (default int8)", &o.precision);
  line.text(
      "calibration", "DIR",
      "folder of pictures and texts (.txt) to measure on: up to 16 (3 of HD models), and 24 pieces",
      &o.calibration);
  line.integer("threads", "N", "0: all that the process may use (default 0)", &o.quantize.threads);
  line.flag("json", "print one JSON object", &o.as_json);
  const std::vector<std::string> operands = line.parse(argc, argv);
  if (operands.size() != 2)
    fail(ErrorCategory::Settings, "give MODEL and OUTPUT (see --help)");
  if (o.precision != "int8" && o.precision != "int4")
    fail(ErrorCategory::Settings, "--precision ", o.precision, ": use int8 or int4");
  if (o.quantize.threads < 0 || o.quantize.threads > 1024)
    fail(ErrorCategory::Settings, "--threads is ", o.quantize.threads, ", must be 0 to 1024");
  o.quantize.model = operands[0];
  o.quantize.output = operands[1];
  o.quantize.precision = o.precision == "int4" ? Quantization::Int4 : Quantization::Int8;
  return o;
}

void read_calibration(const std::string &folder, QuantizeOptions &to) {
  constexpr const char *kOption = "--calibration";
  for (const std::string &name : files_in(folder, kOption, {".txt"})) {
    to.texts.push_back(read_file(name));
    const size_t valid = utf8_valid_prefix(to.texts.back());
    if (valid < to.texts.back().size())
      fail(ErrorCategory::Format, name, ": is not UTF-8 from byte ", valid, " on");
  }
  to.pictures = pictures_in(folder, kOption);
  if (to.pictures.empty() && to.texts.empty())
    fail(ErrorCategory::NotFound, kOption, ": ", folder, ": holds no pictures and no texts (.txt)");
}

json describe(const Options &o, const QuantizeReport &report) {
  json linears = json::array();
  for (const LinearReport &linear : report.linears)
    linears.push_back({{"name", linear.name},
                       {"form", linear.form},
                       {"smoothing", linear.smoothing},
                       {"error", linear.error < 0 ? json() : json(linear.error)}});
  return {{"output", o.quantize.output},
          {"precision", o.precision},
          {"digest", report.digest},
          {"bytes", report.bytes},
          {"peak_bytes", peak_bytes()},
          {"perplexity", report.perplexity},
          {"quantized_perplexity", report.quantized_perplexity},
          {"perplexity_tokens", report.tokens},
          {"linears", linears}};
}

// "model.layers.7" of "model.layers.7.mlp.up_proj": through the last number.
std::string group_of(const std::string &name) {
  const size_t digit = name.find_last_of("0123456789");
  return digit == std::string::npos ? name : name.substr(0, digit + 1);
}

void print(const Options &o, const QuantizeReport &report) {
  std::map<std::string, int> forms;
  std::vector<std::pair<std::string, const LinearReport *>> worst; // of each group, in order
  for (const LinearReport &linear : report.linears) {
    ++forms[linear.form];
    const std::string group = group_of(linear.name);
    if (worst.empty() || worst.back().first != group)
      worst.emplace_back(group, &linear);
    else if (linear.error > worst.back().second->error)
      worst.back().second = &linear;
  }
  std::printf("largest error of each layer's outputs on the calibration material\n");
  for (const auto &[group, linear] : worst)
    std::printf("  %5.2f %%  %s (%s)\n", 100 * std::max(linear->error, 0.), linear->name.c_str(),
                linear->form.c_str());
  std::printf("matrices:");
  for (const auto &[form, count] : forms)
    std::printf(" %d %s", count, form.c_str());
  std::printf("\nperplexity of %lld tokens: %.3f, was %.3f (%+.2f %%)\n",
              static_cast<long long>(report.tokens), report.quantized_perplexity, report.perplexity,
              100 * (report.quantized_perplexity / report.perplexity - 1));
  std::printf("%s: %.2f GB, digest %s\n", o.quantize.output.c_str(),
              static_cast<double>(report.bytes) / 1e9, report.digest.c_str());
  std::printf("peak memory: %llu MiB\n", static_cast<unsigned long long>(peak_bytes() >> 20));
}

int run(int argc, char **argv) {
  Options o = parse(argc, argv);
  signal(SIGXFSZ, SIG_IGN); // a write beyond a limit is then an error like that of a full disk
  set_log_sink([](LogLevel level, const std::string &line) {
    if (level == LogLevel::Error)
      std::cerr << "vlm-quantize: " << line << "\n";
  });
  if (!o.calibration.empty())
    read_calibration(o.calibration, o.quantize);
  const CancelToken cancel;
  cancel_on_signal(cancel);
  std::unique_ptr<ProgressBar> bar;
  const QuantizeReport report = quantize_model(
      o.quantize,
      [&](int64_t done, int64_t total, const std::string &part) {
        if (!bar)
          bar = std::make_unique<ProgressBar>("quantising", "parts", total, done);
        bar->update(done, part);
      },
      cancel);
  if (bar)
    bar->clear();
  if (o.as_json)
    std::cout << describe(o, report).dump() << "\n";
  else
    print(o, report);
  return kDone;
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  vlm::restart_prepared(argv);
  return vlm::run_program("vlm-quantize", [&] { return vlm::run(argc, argv); });
}
