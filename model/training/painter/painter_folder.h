// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/painter/sizes.h"

#include <string>

namespace vlm {

/// Writes a pipeline directory in diffusers layout, weights in float16: `vae` and `unet` as
/// initial_vae() and initial_unet() name them, tokenizer/ and tokenizer_2/ copied from
/// `tokenizers`. `scaling_factor`: of the latents. Error(NotFound | Unreadable) naming the file.
void export_painter(const ParameterStore &vae, const ParameterStore &unet,
                    const PainterSizes &sizes, double scaling_factor, const std::string &tokenizers,
                    const std::string &directory);

/// The values of such a directory in place of those of initial_vae() or initial_unet().
/// Error(NotFound | Unreadable | Format) naming folder or file: it must have the same sizes.
void import_painter(ParameterStore &parameters, const std::string &directory);

/// Copies tokenizer/ and tokenizer_2/. Error(NotFound) naming the file.
void copy_tokenizers(const std::string &from, const std::string &to);

} // namespace vlm
