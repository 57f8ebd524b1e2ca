// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vlm {

/// Operations of one pass of SDXL's UNet over one picture of `width` x `height` latents: two for
/// each multiplication in its matrix products, convolutions and attentions; the rest is small
/// beside them. `shapes`: its tensors by diffusers' names.
double unet_operations(const std::map<std::string, std::vector<int64_t>> &shapes, int64_t width,
                       int64_t height);

} // namespace vlm
