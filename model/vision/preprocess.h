// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"
#include "model/weights/vision_config.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// The picture centred on a square of its longer side, filled with (122, 116, 104) (mgm-spec 2.1).
Image pad_to_square(const Image &image);

/// Pillow's bicubic resize of 8-bit pixels (antialiased when shrinking, rounded to uint8 after each
/// pass), bit for bit.
Image resize_bicubic(const Image &image, int width, int height);

/// Shorter side to `size`, longer side truncated, then the central size x size square.
Image resize_and_center_crop(const Image &image, int size);

/// float32 [3, height, width]: (pixel / 255 - mean) / std with CLIP's constants.
at::Tensor normalize(const Image &image);

/// Bilinear without antialias, align_corners false. x float32 [B, C, h, w]; differentiable.
at::Tensor resize_bilinear(const at::Tensor &x, int64_t height, int64_t width);

/// What the two towers see of one picture.
struct PixelValues {
  at::Tensor images;     ///< LR: [1, 3, s, s]; HD: [1, g*g (+ 1 when global), 3, s, s], crops
                         ///< row-major, global last
  at::Tensor images_aux; ///< HR: [1, 3, S, S]
};

/// `lr_size`: side of the LR tower's input (336 in the released models). Error(Data) for a picture
/// without pixels.
PixelValues preprocess(const Image &image, const VisionConfig &config, int64_t lr_size);

} // namespace vlm
