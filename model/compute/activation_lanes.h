// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/simd.h"

/// Activation functions, eight values at a time. For use inside of model/compute and model/vision.
namespace vlm::simd {

inline Float8 magnitude(Float8 x) { return x < 0 ? -x : x; }

/// 1 / (1 + e^-x) within 4e-7 relative; 0 below -87.
inline Float8 sigmoid(Float8 x) {
  const Float8 e = exp_negative(-magnitude(x));
  return (x < 0 ? e : splat(1)) / (1 + e);
}

inline Float8 silu(Float8 x) { return x * sigmoid(x); }

inline Float8 quick_gelu(Float8 x) { return x * sigmoid(1.702f * x); }

/// GELU by its usual approximation: (1 + tanh u) / 2 is the sigmoid of 2 u, and u is
/// sqrt(2 / pi) (x + 0.044715 x^3).
inline Float8 gelu_tanh(Float8 x) {
  return x * sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
}

/// The normal distribution's density and cumulated share at x: erfc by Abramowitz and Stegun
/// 7.1.26, off by 1.5e-7 at most.
struct Normal {
  explicit Normal(Float8 x) {
    const Float8 z = magnitude(x) * 0.70710678f, e = exp_negative(-z * z);
    const Float8 t = 1 / (1 + 0.3275911f * z);
    Float8 p = splat(1.061405429f);
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const Float8 tail = 0.5f * p * t * e;
    share = x < 0 ? tail : 1 - tail;
    density = e * 0.39894228f;
  }
  Float8 density, share;
};

inline Float8 gelu(Float8 x) { return x * Normal(x).share; }

} // namespace vlm::simd
