// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/vision_model.h"

#include "model/compute/device_stopwatch.h"
#include "model/core/error.h"

#include <ATen/TensorOperators.h>

namespace vlm {
namespace {

const VisionConfig &checked(const VisionConfig &config) {
  if (config.image_grid > 1 && !config.image_size_aux)
    fail(ErrorCategory::Unsupported, "image_grid ", config.image_grid, " without image_size_aux");
  if (config.keep_class_token && config.image_size_aux)
    fail(ErrorCategory::Unsupported, "mm_vision_select_feature \"cls_patch\" cannot be mined: ",
         "the class token owns no part of the picture");
  return config;
}

// Pictures are looked at in int8 whatever the decoder's integers are: four bits would save no time.
Scope for_towers(const Scope &scope) {
  return scope.quantization() == Quantization::None ? scope : scope.quantized(Quantization::Int8);
}

} // namespace

VisionModel::VisionModel(const Scope &scope, const VisionConfig &config, int64_t llm_hidden)
    : config_(checked(config)),
      vision_tower_(for_towers(scope).sub("vision_tower").sub("vision_tower").sub("vision_model"),
                    config),
      projector_(for_towers(scope), config.projector_type, vision_tower_.hidden_size(),
                 llm_hidden) {
  if (!config.image_size_aux)
    return;
  vision_tower_aux_.emplace(for_towers(scope).sub("vision_tower_aux"));
  // Mining is never quantised: one of its matrices is used transposed.
  mining_.emplace(scope.quantized(Quantization::None), vision_tower_.hidden_size(),
                  vision_tower_aux_->dims());
}

int64_t VisionModel::tokens_per_image() const {
  return config_.views() * (vision_tower_.num_patches() + config_.keep_class_token);
}

VisionFeatures VisionModel::operator()(const PixelValues &pixels, const Pace &pace) const {
  VisionFeatures out;
  const bool hd = config_.image_grid > 1;
  const at::Device device = pixels.images.device();
  {
    const DeviceStopwatch watch(out.seconds.vision_tower, device);
    out.vision_features = vision_tower_(hd ? pixels.images.squeeze(0) : pixels.images, pace);
  }
  if (vision_tower_aux_) {
    const DeviceStopwatch watch(out.seconds.vision_tower_aux, device);
    out.stages = (*vision_tower_aux_)(pixels.images_aux, pace);
  }
  pace.check();
  {
    const DeviceStopwatch watch(out.seconds.mining, device);
    out.mined = mine(out.vision_features, out.stages);
  }
  const DeviceStopwatch watch(out.seconds.projector, device);
  out.visual_tokens = projector_(out.mined);
  return out;
}

at::Tensor VisionModel::mine(const at::Tensor &x, const std::vector<at::Tensor> &stages) const {
  if (!mining_)
    return x;
  return config_.image_grid > 1 ? mine_views(*mining_, x, stages, config_.image_grid)
                                : x + (*mining_)(x, stages);
}

} // namespace vlm
