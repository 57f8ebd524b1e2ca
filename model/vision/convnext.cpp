// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/convnext.h"

#include "model/core/error.h"
#include "model/vision/bias_gelu.h"
#include "model/vision/depthwise.h"
#include "model/vision/preprocess.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>

namespace vlm {
namespace {

constexpr double kTimmEps = 1e-6;                  // timm's, unlike that of the other norms
constexpr int64_t kStripValues = int64_t(1) << 21; // of the wide tensor in a block

} // namespace

ConvNextTower::ConvNextTower(const Scope &scope)
    : stem_(scope.sub("vision_stem").sub("0"), PatchConv::Layout::Planes, /*bias=*/true),
      stem_norm_(scope.sub("vision_stem").sub("1"), stem_.out_channels(), kTimmEps) {
  const int64_t count = scope.count("vision_stages");
  if (count == 0)
    fail(ErrorCategory::Format, "no tensor ", scope.prefix(), "vision_stages.0.*");
  for (int64_t i = 0; i < count; ++i)
    stages_.push_back(load_stage(scope.sub("vision_stages").sub(i), i,
                                 i ? stages_.back().channels : stem_.out_channels()));
}

ConvNextTower::Stage ConvNextTower::load_stage(const Scope &scope, int64_t index,
                                               int64_t channels_before) {
  Stage stage;
  stage.channels = channels_before;
  if (index > 0) {
    stage.downsample_norm = LayerNorm(scope.sub("downsample").sub("0"), channels_before, kTimmEps);
    stage.downsample = PatchConv(scope.sub("downsample").sub("1"), PatchConv::Layout::ChannelsLast,
                                 /*bias=*/true);
    stage.channels = stage.downsample.out_channels();
  }
  const int64_t blocks = scope.count("blocks");
  for (int64_t i = 0; i < blocks; ++i)
    stage.blocks.push_back(load_block(scope.sub("blocks").sub(i), stage.channels));
  return stage;
}

ConvNextTower::Block ConvNextTower::load_block(const Scope &scope, int64_t channels) {
  const Scope conv = scope.sub("conv_dw"), mlp = scope.sub("mlp");
  const std::vector<int64_t> fc1 = mlp.shape("fc1.bias");
  const int64_t wide = fc1.empty() ? 0 : fc1[0];
  return {conv.tensor("weight", {channels, 1, 7, 7}),
          conv.tensor("bias", {channels}),
          LayerNorm(scope.sub("norm"), channels, kTimmEps),
          Linear(mlp.sub("fc1"), channels, wide, false),
          mlp.tensor("fc1.bias", {wide}),
          Linear(mlp.sub("fc2"), wide, channels, true),
          scope.tensor("gamma", {channels})};
}

std::vector<int64_t> ConvNextTower::dims() const {
  std::vector<int64_t> dims;
  for (const Stage &stage : stages_)
    dims.push_back(stage.channels);
  return dims;
}

at::Tensor ConvNextTower::mix(const Block &block, const at::Tensor &x, const at::Tensor &spread) {
  const at::Tensor wide = bias_gelu(block.fc1(block.norm(spread)), block.fc1_bias);
  return at::addcmul(x, block.fc2(wide), block.gamma);
}

at::Tensor ConvNextTower::run(const Block &block, const at::Tensor &x) {
  const at::Tensor spread = depthwise_7x7(x, block.depthwise_weight, block.depthwise_bias);
  if (at::GradMode::is_enabled())
    return mix(block, x, spread);
  // Strip by strip: at the size of a released model the tensor between the products would take
  // hundreds of megabytes, and leave the cache.
  const at::Tensor from = x.reshape({-1, x.size(3)}), spread_rows = spread.view(from.sizes());
  at::Tensor out = at::empty_like(from);
  const int64_t rows = from.size(0);
  const int64_t step = std::max<int64_t>(1024, kStripValues / block.fc1.out_features());
  for (int64_t i = 0; i < rows; i += step) {
    const int64_t n = std::min(step, rows - i);
    out.narrow(0, i, n).copy_(mix(block, from.narrow(0, i, n), spread_rows.narrow(0, i, n)));
  }
  return out.view(x.sizes());
}

std::vector<at::Tensor> ConvNextTower::operator()(const at::Tensor &pixel_values,
                                                  const Pace &pace) const {
  at::Tensor x = stem_norm_(stem_(pixel_values));
  std::vector<at::Tensor> outputs;
  for (const Stage &stage : stages_) {
    if (!outputs.empty())
      x = stage.downsample(stage.downsample_norm(x));
    for (const Block &block : stage.blocks) {
      pace.check();
      x = run(block, x);
    }
    outputs.push_back(x);
  }
  return outputs;
}

at::Tensor concat_stages(const std::vector<at::Tensor> &stages) {
  std::vector<at::Tensor> maps;
  for (const at::Tensor &stage : stages)
    maps.push_back(resize_bilinear(stage.permute({0, 3, 1, 2}).contiguous(), stages[0].size(1),
                                   stages[0].size(2)));
  return at::cat(maps, 1);
}

} // namespace vlm
