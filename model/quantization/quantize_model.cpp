// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/quantize_model.h"

#include "model/compute/threads.h"
#include "model/core/digest.h"
#include "model/core/error.h"
#include "model/core/machine.h"
#include "model/core/resident_memory.h"
#include "model/quantization/quantization_run.h"

#include <c10/core/InferenceMode.h>

namespace vlm {
namespace {

// Everything that decides what is made.
std::string job_of(const QuantizeOptions &options, const Source &source) {
  Digest digest;
  digest.add("gst-vlm quantisation 3 ");
  digest.add(options.precision == Quantization::Int4 ? "int4" : "int8");
  digest.add(source.checkpoint.digest());
  for (const auto &prompt : source.material.prompts)
    digest.add({reinterpret_cast<const char *>(prompt.data()), prompt.size() * sizeof(int64_t)});
  for (const auto &picture : source.material.pictures) {
    const Image image = picture();
    digest.add(std::to_string(image.width) + "x" + std::to_string(image.height));
    digest.add({reinterpret_cast<const char *>(image.rgb.data()), image.rgb.size()});
  }
  return digest.hex();
}

// Whether the same model may come through at the next try.
bool can_pass(const Error &error) {
  return error.category() != ErrorCategory::Format && error.category() != ErrorCategory::NotFound &&
         error.category() != ErrorCategory::Unsupported;
}

} // namespace

QuantizeReport quantize_model(const QuantizeOptions &options, const QuantizeProgress &progress,
                              const CancelToken &cancel) {
  const c10::InferenceMode inference;
  set_threads(options.threads > 0 ? options.threads : available_threads());
  const LargeBlocksGivenBack sparing;
  const Source source(options.model, options.texts, options.pictures);
  const PartialOutput output(options.output, job_of(options, source));
  try {
    QuantizationRun run(source, options.precision, output, progress, cancel);
    return run.finish();
  } catch (const Error &error) {
    const std::string kept = output.kept();
    if (kept.empty())
      throw;
    fail(error.category(), error.what(), "; what was finished is kept in ", kept,
         can_pass(error) ? ", and the same command goes on from there" : "");
  }
}

} // namespace vlm
