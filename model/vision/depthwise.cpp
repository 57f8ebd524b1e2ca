// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/depthwise.h"

#include <ATen/ops/conv2d.h>

namespace vlm {

at::Tensor depthwise_7x7(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  return at::conv2d(x.permute({0, 3, 1, 2}), weight, bias, /*stride=*/1, /*padding=*/3,
                    /*dilation=*/1, /*groups=*/x.size(3))
      .permute({0, 2, 3, 1});
}

} // namespace vlm
