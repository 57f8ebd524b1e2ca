// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/placement.h"

#include "model/core/log.h"
#include "model/core/machine.h"
#include "model/core/model_fit.h"

#include <ATen/Context.h>

#include <array>
#include <optional>
#include <regex>

namespace vlm {
namespace {

constexpr std::array<std::pair<const char *, Precision>, 4> kPrecisions = {
    {{"float32", Precision::Float32},
     {"bfloat16", Precision::BFloat16},
     {"int8", Precision::Int8},
     {"int4", Precision::Int4}}};

/// Nothing for `auto`.
std::optional<Precision> precision_of(const std::string &name) {
  if (name == "auto")
    return {};
  for (const auto &[known, precision] : kPrecisions)
    if (name == known)
      return precision;
  fail(ErrorCategory::Settings, "unknown precision \"", name,
       "\": use auto, float32, bfloat16, int8 or int4");
}

Precision precision(Quantization stored) {
  return stored == Quantization::Int8 ? Precision::Int8 : Precision::Int4;
}

} // namespace

const char *precision_name(Precision precision) {
  return kPrecisions[static_cast<size_t>(precision)].first;
}

at::ScalarType matrix_dtype(Precision precision) {
  return precision == Precision::Float32 ? at::kFloat : at::kBFloat16;
}

Quantization quantization(Precision precision) {
  return precision == Precision::Int8   ? Quantization::Int8
         : precision == Precision::Int4 ? Quantization::Int4
                                        : Quantization::None;
}

uint64_t WeightBytes::in(Precision precision) const {
  return std::array{float32, bfloat16, int8, int4}[static_cast<size_t>(precision)];
}

uint64_t WeightBytes::with_caches(Precision precision) const {
  return in(precision) + (precision == Precision::Float32 ? 2 * caches : caches);
}

void check_placement_names(const ModelOptions &options) {
  const std::optional<Precision> precision = precision_of(options.precision);
  if (options.device == "cpu")
    return;
  if (!std::regex_match(options.device, std::regex("cuda(:[0-9]{1,2})?")))
    fail(ErrorCategory::Settings, "unknown device \"", options.device,
         "\": use cpu, cuda or cuda:N");
  if (precision && quantization(*precision) != Quantization::None)
    fail(ErrorCategory::Unavailable, "precision ", options.precision, " on device ", options.device,
         ": integer kernels run on the cpu only");
  if (!at::hasCUDA())
    fail(ErrorCategory::Unavailable, "device ", options.device, ": this libtorch has no CUDA");
}

void check_stored(const ModelOptions &options, Quantization stored) {
  if (stored == Quantization::None)
    return;
  const char *name = precision_name(precision(stored));
  if (options.precision != "auto" && options.precision != name)
    fail(ErrorCategory::Settings, "precision ", options.precision, ": the model holds ", name,
         " weights and nothing else; use auto or ", name);
  if (options.device != "cpu")
    fail(ErrorCategory::Unavailable, "device ", options.device, ": the model holds ", name,
         " weights, and integer kernels run on the cpu only");
}

Precision choose_precision(const ModelOptions &options, const WeightBytes &bytes,
                           uint64_t memory_left) {
  if (const std::optional<Precision> asked = precision_of(options.precision))
    return *asked;
  if (bytes.stored != Quantization::None) {
    log(LogLevel::Info, "precision auto: ", precision_name(precision(bytes.stored)),
        ", as the model holds it");
    return precision(bytes.stored);
  }
  const bool on_cpu = options.device == "cpu";
  const bool bfloat16 = !on_cpu || auto_means_bfloat16(bytes.float32, memory_left);
  const Precision wanted = bfloat16 ? Precision::BFloat16 : Precision::Float32;
  const auto fits = [&](Precision precision) {
    return fits_memory(bytes.with_caches(precision), memory_left);
  };
  if (!on_cpu || fits(wanted)) {
    log(LogLevel::Info, "precision auto: ", precision_name(wanted));
    return wanted;
  }
  const Precision out = fits(Precision::Int8) ? Precision::Int8 : Precision::Int4;
  log(LogLevel::Warning, "precision auto: ", precision_name(out), ", since ",
      gigabytes(memory_left), " of memory are left and ", precision_name(wanted), " needs ",
      gigabytes(bytes.with_caches(wanted)));
  return out;
}

Placement place(const ModelOptions &options, const WeightBytes &bytes, uint64_t memory_left) {
  check_placement_names(options);
  const Placement out{at::Device(options.device), choose_precision(options, bytes, memory_left)};
  if (out.device.is_cpu())
    check_memory_for(bytes.with_caches(out.precision), precision_name(out.precision), memory_left);
  return out;
}

} // namespace vlm
