// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/painter.h"

#include <nlohmann/json.hpp>

namespace vlm {

struct BenchPaintOptions {
  PainterOptions painter;
  PaintRequest request;
  int64_t rounds = 3;
};

/// What each part of a picture takes, after one that is not counted (buffers and kernels find their
/// order in it), with the machine's probes around them. Prints seconds of the text encoders, of a
/// step and of the VAE.
///
/// Returns {"model", "precision", "width", "height", "steps", "threads", "load", "machine",
/// "encode", "step", "decode", "picture"}, the last four as spreads of seconds.
nlohmann::json bench_paint(const BenchPaintOptions &options);

} // namespace vlm
