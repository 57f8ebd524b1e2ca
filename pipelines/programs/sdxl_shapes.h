// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vlm {

/// Tensors of stabilityai/stable-diffusion-xl-base-1.0 by name, written from mgm-spec 9 and not
/// from the code that reads them.
using SdxlShapes = std::map<std::string, std::vector<int64_t>>;
SdxlShapes sdxl_unet_shapes();
SdxlShapes sdxl_vae_decoder_shapes();
/// Of text_encoder (CLIPTextModel), or of text_encoder_2.
SdxlShapes sdxl_text_encoder_shapes(bool second);

} // namespace vlm
