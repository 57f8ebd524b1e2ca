// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/parameter_store.h"

#include <random>
#include <string>
#include <vector>

namespace vlm {

/// Draws the first values of parameters, in the order in which they are asked for.
class Initializer {
public:
  Initializer(ParameterStore &store, uint64_t seed) : store_(store), random_(seed) {}

  /// Normal, cut off at two deviations.
  void normal(const std::string &name, const std::vector<int64_t> &shape, double deviation);
  void constant(const std::string &name, int64_t size, double value);
  /// `weight` of ones and `bias` of zeros.
  void norm(const std::string &name, int64_t size);
  /// `gain` scales the usual 1 / sqrt(inputs).
  void linear(const std::string &name, int64_t in, int64_t out, bool bias, double gain = 1);
  void convolution(const std::string &name, int64_t in, int64_t out, int64_t side, bool bias,
                   double gain = 1);

private:
  ParameterStore &store_;
  std::mt19937_64 random_;
};

} // namespace vlm
