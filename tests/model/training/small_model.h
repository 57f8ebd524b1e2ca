// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/trainer.h"

namespace vlm::test {

constexpr int64_t kSmallClasses = 12;

/// A model that is as small as the architecture allows.
TinyConfig small_config();

/// Samples of noise with labels and two questions each, the same for the same index.
std::vector<std::shared_ptr<const Sample>> noise_samples(int64_t first, int64_t count);

} // namespace vlm::test
