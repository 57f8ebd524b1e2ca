// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/euler_scheduler.h"

#include "model/core/error.h"

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

// Of every timestep of training: sqrt((1 - a) / a), where a is the product of 1 - beta.
std::vector<double> all_sigmas(const SchedulerConfig &config) {
  const int64_t count = config.num_train_timesteps;
  const auto curve = [&](double beta) { return config.scaled_linear ? std::sqrt(beta) : beta; };
  const double first = curve(config.beta_start), last = curve(config.beta_end);
  std::vector<double> out;
  double product = 1;
  for (int64_t i = 0; i < count; ++i) {
    const double at = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
    const double value = first + (last - first) * at;
    product *= 1 - (config.scaled_linear ? value * value : value);
    out.push_back(std::sqrt((1 - product) / product));
  }
  return out;
}

} // namespace

EulerScheduler::EulerScheduler(const SchedulerConfig &config, int64_t steps) {
  const int64_t count = config.num_train_timesteps;
  if (steps < 1 || steps > count)
    fail(ErrorCategory::Settings, "steps is ", steps, ", must be 1 to ", count);
  const std::vector<double> sigmas = all_sigmas(config);
  for (int64_t i = steps - 1; i >= 0; --i) {
    const int64_t timestep = i * (count / steps) + config.steps_offset;
    timesteps_.push_back(static_cast<double>(timestep));
    sigmas_.push_back(sigmas[static_cast<size_t>(std::min(timestep, count - 1))]);
  }
  sigmas_.push_back(0);
}

double EulerScheduler::init_noise_sigma() const { return std::hypot(sigmas_[0], 1); }

double EulerScheduler::input_scale(size_t step) const { return 1 / std::hypot(sigmas_[step], 1); }

} // namespace vlm
