// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/compute/norm.h"
#include "model/core/pace.h"
#include "model/vision/patch_conv.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// The trunk of OpenCLIP's ConvNeXt (mgm-spec 2.4). Depths and widths come from the tensors'
/// shapes. Const members may be called from any thread.
class ConvNextTower {
public:
  /// `scope` holds `vision_stem.*` and `vision_stages.*`.
  explicit ConvNextTower(const Scope &scope);

  /// Channels of each stage, lowest first.
  std::vector<int64_t> dims() const;

  /// pixel_values float32 [B, 3, S, S] -> the raw outputs of all stages, channels last:
  /// [B, S/4, S/4, C0], [B, S/8, S/8, C1], ... Differentiable. Throws Error(Cancelled) between
  /// blocks.
  std::vector<at::Tensor> operator()(const at::Tensor &pixel_values, const Pace &pace = {}) const;

private:
  struct Block {
    at::Tensor depthwise_weight, depthwise_bias; // [C, 1, 7, 7], [C]
    LayerNorm norm;
    Linear fc1; // without its bias, which the activation adds
    at::Tensor fc1_bias;
    Linear fc2;
    at::Tensor gamma; // [C]
  };
  struct Stage {
    int64_t channels;
    LayerNorm downsample_norm; // stage 0 has no downsample
    PatchConv downsample;
    std::vector<Block> blocks;
  };
  static Stage load_stage(const Scope &scope, int64_t index, int64_t channels_before);
  static Block load_block(const Scope &scope, int64_t channels);
  static at::Tensor mix(const Block &block, const at::Tensor &x, const at::Tensor &spread);
  static at::Tensor run(const Block &block, const at::Tensor &x);

  PatchConv stem_;
  LayerNorm stem_norm_;
  std::vector<Stage> stages_;
};

/// The reference's `vision_aux_features`: stages upsampled bilinearly to the first one's size and
/// concatenated, [B, sum C, H, W]. For comparison and dumps only: mining never needs this map.
at::Tensor concat_stages(const std::vector<at::Tensor> &stages);

} // namespace vlm
