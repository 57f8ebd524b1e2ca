// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/pace.h"
#include "model/generation/resnet_block.h"
#include "model/generation/sdxl_config.h"
#include "model/generation/transformer_2d.h"

#include <optional>
#include <vector>

namespace vlm {

/// SDXL's UNet2DConditionModel (mgm-spec 9.5): predicts the noise in latents. Const members may be
/// called from any thread.
class UNet {
public:
  /// `scope`: the root of unet/. Error(Format) naming the tensor.
  UNet(const Scope &scope, const UNetConfig &config);

  const UNetConfig &config() const { return config_; }

  /// What is asked for, the same in every step.
  struct Condition {
    at::Tensor context; ///< text [B, S, cross_attention_dim]
    at::Tensor added;   ///< of the pooled text and the picture's size [B, time width]
  };
  /// pooled float32 [B, config().pooled_width()]; time_ids float32 [B, 6]: original height and
  /// width, top and left of the crop, target height and width, in pixels.
  Condition condition(const at::Tensor &context, const at::Tensor &pooled,
                      const at::Tensor &time_ids) const;

  /// latents float32 [B, in_channels, H, W], timesteps float32 [B] -> the noise [B, out_channels,
  /// H, W]. Differentiable. Throws Error(Cancelled) between blocks.
  at::Tensor operator()(const at::Tensor &latents, const at::Tensor &timesteps,
                        const Condition &condition, const Pace &pace = {}) const;

private:
  struct TimeMlp {
    Linear first, second;
    TimeMlp(const Scope &scope, int64_t in, int64_t width);
    at::Tensor operator()(const at::Tensor &x) const;
  };
  struct Level {
    std::vector<ResnetBlock> resnets;
    std::vector<Transformer2D> attentions; // one a resnet, or none
    std::optional<Convolution> downsampler;
    std::optional<Upsample> upsampler;
  };
  struct Inputs { // of every block
    const at::Tensor &time, &context;
    const Pace &pace;
  };

  void add_block(Level &level, const Scope &scope, int64_t in, const UNetLevel &shape) const;
  std::vector<int64_t> build_down(const Scope &scope);
  void build_up(const Scope &scope, std::vector<int64_t> skips);
  void build_middle(const Scope &scope);
  static at::Tensor run_block(const Level &level, size_t i, const at::Tensor &x, const Inputs &in);
  at::Tensor run_up(at::Tensor x, std::vector<at::Tensor> skips, const Inputs &in) const;

  UNetConfig config_;
  Convolution conv_in_;
  TimeMlp time_embedding_, add_embedding_;
  std::vector<Level> down_, up_;
  Level mid_; // two resnets around one attention
  NormedConvolution out_;
};

} // namespace vlm
