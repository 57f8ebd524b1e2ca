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
  bool peer = false; ///< every round paints with stable-diffusion.cpp, too
};

/// Parts of a picture that are measured; the last is the whole of it.
inline constexpr const char *kPaintParts[] = {"encode", "step", "decode", "picture"};

/// What each part of a picture takes, after one that is not counted (buffers and kernels find their
/// order in it), with the machine's probes around them. Prints seconds of the text encoders, of a
/// step and of the VAE, what the UNet computes a second, and the most memory that was held.
///
/// With `peer`, stable-diffusion.cpp (stable_diffusion_cpp.h) paints a picture in turn with each of
/// ours, from the same weights and with a probe before it; it knows the shape of SDXL alone. Every
/// picture of it comes from a process of its own, whose loading is not counted.
///
/// Returns {"model", "precision", "steps", "load", "loaded_bytes", "machine", "sizes"}.
/// Of each size {"width", "height", "encode", "step", "decode", "picture", "peak_bytes",
/// "needed_bytes" (Painting), "step_operations", "unet_rate", "unet_share", "share_of"}, where
/// "encode" to "picture" are spreads of seconds, and "unet_share" is the part of what the machine's
/// products of "share_of" reached between the pictures. The figures of the first size stand beside
/// "sizes" as well. With `peer` its name is "peer", and each size has "theirs" and "ratio", both
/// with "encode" to "picture", and "goal": the ratio is how many times as long they took in a
/// round, the goal is one of the whole picture's; "theirs" has "unet_rate" and "unet_share", too.
///
/// Throws as PeerBuild and sd-cli do, and Settings for OpenMP threads that are told to spin.
nlohmann::json bench_paint(const BenchPaintOptions &options);

} // namespace vlm
