// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace vlm {

/// What config.json says of the visual side (mgm-spec section 7). Sizes of the towers are not in
/// it: they are read off the tensors' shapes.
struct VisionConfig {
  int64_t image_size_aux = 0;    ///< side of the HR square in pixels; 0: no HR tower
  int64_t image_grid = 1;        ///< HD: LR crops a side
  bool image_global = false;     ///< HD: a global view beside the crops
  bool pad_to_square = true;     ///< image_aspect_ratio "pad"; otherwise resize and centre-crop
  int64_t select_layer = -2;     ///< mm_vision_select_layer
  bool keep_class_token = false; ///< mm_vision_select_feature "cls_patch"
  std::string projector_type = "mlp2x_gelu"; ///< mlpNx_gelu, linear, identity

  /// Of each picture, that become visual tokens.
  int64_t views() const {
    return image_grid > 1 ? image_grid * image_grid + (image_global ? 1 : 0) : 1;
  }
};

} // namespace vlm
