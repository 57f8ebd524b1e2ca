// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/sdxl_config.h"

#include <vector>

namespace vlm {

/// diffusers' EulerDiscreteScheduler with "leading" spacing and epsilon prediction, without churn
/// (mgm-spec 9.3): the noise levels of one run. Immutable.
class EulerScheduler {
public:
  /// Error(Settings) for a number of steps that is not 1 to num_train_timesteps.
  EulerScheduler(const SchedulerConfig &config, int64_t steps);

  const std::vector<double> &timesteps() const { return timesteps_; } ///< one a step, falling
  const std::vector<double> &sigmas() const { return sigmas_; }       ///< one more; the last is 0

  /// What N(0, 1) is multiplied by to become the first latents.
  double init_noise_sigma() const;
  /// What the latents are multiplied by before the model sees them.
  double input_scale(size_t step) const;
  /// latents += this * predicted noise.
  double step_size(size_t step) const { return sigmas_[step + 1] - sigmas_[step]; }

private:
  std::vector<double> timesteps_, sigmas_;
};

} // namespace vlm
