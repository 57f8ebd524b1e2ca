// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/initializer.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <cmath>

namespace vlm {

void Initializer::normal(const std::string &name, const std::vector<int64_t> &shape,
                         double deviation) {
  at::Tensor out = at::empty(shape);
  std::normal_distribution<float> draw;
  float *data = out.data_ptr<float>();
  for (int64_t i = 0; i < out.numel(); ++i) {
    float value = draw(random_);
    while (std::abs(value) > 2)
      value = draw(random_);
    data[i] = value * static_cast<float>(deviation);
  }
  store_.add(name, out);
}

void Initializer::constant(const std::string &name, int64_t size, double value) {
  store_.add(name, at::full({size}, value));
}

void Initializer::norm(const std::string &name, int64_t size) {
  constant(name + ".weight", size, 1);
  constant(name + ".bias", size, 0);
}

void Initializer::linear(const std::string &name, int64_t in, int64_t out, bool bias, double gain) {
  normal(name + ".weight", {out, in}, gain / std::sqrt(static_cast<double>(in)));
  if (bias)
    constant(name + ".bias", out, 0);
}

void Initializer::convolution(const std::string &name, int64_t in, int64_t out, int64_t side,
                              bool bias, double gain) {
  normal(name + ".weight", {out, in, side, side},
         gain / std::sqrt(static_cast<double>(in * side * side)));
  if (bias)
    constant(name + ".bias", out, 0);
}

} // namespace vlm
