// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

/// N(0, 1) of `shape`: the numbers that torch's CPU generator gives for `seed`, as diffusers takes
/// them. The same bytes for the same seed on one machine.
at::Tensor random_latents(const std::vector<int64_t> &shape, uint64_t seed);

/// `latents` of a safetensors file as float32. Error(NotFound | Unreadable | Format) naming the
/// file, and both shapes when it has another than `shape`.
at::Tensor read_latents(const std::string &path, const std::vector<int64_t> &shape);

/// [3, height, width], 0 to 1, as 8-bit RGB.
Image to_image(const at::Tensor &picture);

} // namespace vlm
