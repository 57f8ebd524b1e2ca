// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/placement.h"

#include "model/core/log.h"
#include "model/core/machine.h"

#include <ATen/Context.h>

#include <iomanip>
#include <regex>

namespace vlm {
namespace {

// What a load and a run need beside the weights: conversion buffers, activations, KV cache.
constexpr uint64_t kHeadroom = uint64_t{400} << 20;

std::string gigabytes(uint64_t bytes) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << static_cast<double>(bytes) / 1e9 << " GB";
  return out.str();
}

} // namespace

const char *precision_name(at::ScalarType matrix_dtype) {
  return matrix_dtype == at::kBFloat16 ? "bfloat16" : "float32";
}

void check_placement_names(const ModelOptions &options) {
  const std::string &precision = options.precision;
  if (precision == "int8" || precision == "int4")
    fail(ErrorCategory::Unavailable, "precision ", precision, " is not available yet");
  if (precision != "auto" && precision != "float32" && precision != "bfloat16")
    fail(ErrorCategory::Settings, "unknown precision \"", precision,
         "\": use auto, float32 or bfloat16");
  if (options.device == "cpu")
    return;
  if (!std::regex_match(options.device, std::regex("cuda(:[0-9]{1,2})?")))
    fail(ErrorCategory::Settings, "unknown device \"", options.device,
         "\": use cpu, cuda or cuda:N");
  if (!at::hasCUDA())
    fail(ErrorCategory::Unavailable, "device ", options.device, ": this libtorch has no CUDA");
}

at::ScalarType choose_precision(const ModelOptions &options, const WeightBytes &bytes,
                                uint64_t memory_left) {
  if (options.precision != "auto")
    return options.precision == "bfloat16" ? at::kBFloat16 : at::kFloat;
  const bool bfloat16 =
      options.device != "cpu" || cpu_has_bf16() || bytes.float32 > memory_left / 2;
  const at::ScalarType out = bfloat16 ? at::kBFloat16 : at::kFloat;
  log(LogLevel::Info, "precision auto: ", precision_name(out));
  return out;
}

Placement place(const ModelOptions &options, const WeightBytes &bytes, uint64_t memory_left) {
  check_placement_names(options);
  const Placement out{at::Device(options.device), choose_precision(options, bytes, memory_left)};
  const uint64_t needed = bytes.in(out.matrix_dtype) + kHeadroom;
  if (out.device.is_cpu() && needed > memory_left)
    fail(ErrorCategory::Memory, "the model needs ", gigabytes(needed), " in ",
         precision_name(out.matrix_dtype), ", but only ", gigabytes(memory_left),
         " of memory are left");
  return out;
}

} // namespace vlm
