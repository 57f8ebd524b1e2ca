// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/painter.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace vlm {

struct BenchPaintOptions {
  PainterOptions painter;
  std::vector<PaintRequest> requests; ///< of several sizes; at least one
  int64_t rounds = 3;
};

/// What each part of a picture takes, after one that is not counted (buffers and kernels find their
/// order in it), with the machine's probes around them. Prints seconds of the text encoders, of a
/// step and of the VAE, what the UNet computes a second, and the most memory that was held.
///
/// Returns {"model", "precision", "steps", "load", "loaded_bytes", "machine", "sizes"}.
/// Of each size {"width", "height", "encode", "step", "decode", "picture", "peak_bytes",
/// "step_operations", "unet_rate", "unet_share", "share_of"}, where "encode" to "picture" are
/// spreads of seconds, and "unet_share" is the part of what the machine's products of "share_of"
/// reached between the pictures. The figures of the first size stand beside "sizes" as well.
nlohmann::json bench_paint(const BenchPaintOptions &options);

} // namespace vlm
