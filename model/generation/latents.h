// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

constexpr int kPixelsPerLatent = 8; ///< on either side: what the three levels of a VAE halve

/// N(0, 1) of `shape`: the numbers that torch's CPU generator gives for `seed`, as diffusers takes
/// them. The same bytes for the same seed on one machine.
at::Tensor random_latents(const std::vector<int64_t> &shape, uint64_t seed);

/// `latents` of a safetensors file as float32. Error(NotFound | Unreadable | Format) naming the
/// file, and both shapes when it has another than `shape`.
at::Tensor read_latents(const std::string &path, const std::vector<int64_t> &shape);

/// 8-bit RGB as an encoder reads it: float32 [1, 3, height, width], -1 to 1.
at::Tensor from_image(const Image &image);
/// [3, height, width], 0 to 1, as 8-bit RGB.
Image to_image(const at::Tensor &picture);

} // namespace vlm
