// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/random.h"

#include <cmath>

namespace vlm::scenes {
namespace {

uint64_t splitmix(uint64_t &state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t rotate_left(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

} // namespace

Random::Random(uint64_t seed, uint64_t index) {
  uint64_t mixed = splitmix(seed) ^ index; // index alone would give overlapping splitmix streams
  for (uint64_t &word : state_)
    word = splitmix(mixed);
}

uint64_t Random::bits() {
  const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

int Random::below(int count) {
  return static_cast<int>(((bits() >> 32) * static_cast<uint64_t>(count)) >> 32);
}

int Random::between(int first, int last) { return first + below(last - first + 1); }

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * M_PI * uniform());
}

int Random::weighted(const double *weights, int count) {
  double sum = 0;
  for (int i = 0; i < count; ++i)
    sum += weights[i];
  double left = uniform() * sum;
  for (int i = 0; i < count - 1; ++i)
    if ((left -= weights[i]) < 0)
      return i;
  return count - 1;
}

} // namespace vlm::scenes
