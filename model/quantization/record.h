// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/quantization/quantize_model.h"
#include "model/weights/checkpoint.h"

#include <filesystem>
#include <string>

namespace vlm {

struct Source;

/// A report as JSON text, with the number of parts that are done; and back.
std::string write_record(int64_t done, const QuantizeReport &report);
int64_t read_record(const std::string &text, QuantizeReport &report);

/// The source's config.json with `quantization_config` (weights/README.md) and with what is
/// otherwise read off the shapes of matrices.
std::string quantized_config(const Source &source, Quantization precision,
                             const QuantizeReport &report);

/// calibration.json: what was read and how each matrix came out.
std::string calibration_record(const Source &source, const QuantizeReport &report);

/// A file of a checkpoint directory that says what the model is and how its text is cut: everything
/// but weights and their index.
bool is_description(const std::filesystem::path &file);

} // namespace vlm
