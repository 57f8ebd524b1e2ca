// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// attention() of float32 on the CPU where everything is seen, with products of bfloat16 pairs: q,
/// k, v and what the softmax makes before it is divided by its sum are rounded, sums and the
/// softmax are float32. Not differentiable; only where cpu_has_bf16(). A query's result does not
/// depend on the threads.
at::Tensor attention_bf16(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);

} // namespace vlm
