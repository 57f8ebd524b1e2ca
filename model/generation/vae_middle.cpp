// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/vae_middle.h"

#include <ATen/TensorOperators.h>

namespace vlm {

VaeMiddle::VaeMiddle(const Scope &scope, const VaeConfig &config)
    : norm_(scope.sub("attentions.0.group_norm"), config.norm_num_groups,
            config.block_out_channels.back(), kVaeNormEps),
      attention_(scope.sub("attentions.0"), config.block_out_channels.back(),
                 config.block_out_channels.back(), /*heads=*/1, /*bias=*/true) {
  const int64_t channels = config.block_out_channels.back();
  for (int64_t i = 0; i < 2; ++i)
    resnets_.emplace_back(scope.sub("resnets").sub(i), channels, channels,
                          ResnetShape{config.norm_num_groups, kVaeNormEps});
}

at::Tensor VaeMiddle::attend(const at::Tensor &x) const {
  const at::Tensor rows = norm_(x, GroupNorm::Then::Nothing).reshape({x.size(0), -1, x.size(3)});
  return x + attention_(rows, rows).view(x.sizes());
}

at::Tensor VaeMiddle::operator()(const at::Tensor &x, const Strips &strips,
                                 const Pace &pace) const {
  const at::Tensor first = resnets_[0](x, {}, strips);
  pace.check();
  return resnets_[1](attend(first), {}, strips);
}

} // namespace vlm
