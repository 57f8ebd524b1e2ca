// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace vlm {

/// Sets how many threads products use, alike in ATen, OpenMP (oneDNN, parallel_for) and OpenBLAS,
/// and keeps large temporaries mapped from one operator to the next. OpenMP's number belongs to the
/// calling thread: call this on the thread that computes, before it computes anything. ATen alone
/// would find one thread on machines whose topology it cannot read.
void set_threads(int count);

/// Runs body(from, to) over parts of [begin, end) on the threads that set_threads() allows, each at
/// least `grain` long; the caller works along and waits. Parts are handed out as threads come, so
/// that a thread that lost its core holds up little. Inside of a body everything is sequential,
/// gemm() too. An exception of a body is thrown again here.
void parallel_for(int64_t begin, int64_t end, int64_t grain,
                  const std::function<void(int64_t, int64_t)> &body);

/// What is worth a thread, for a grain: about 30 us of work, in which a thread that sleeps wakes up
/// (in a virtual machine whose other cores are idle it takes even longer).
constexpr int64_t kWorthElements = 1 << 16; ///< elements that a loop passes over
constexpr int64_t kWorthProducts = 1 << 20; ///< products of float32 that are added up
constexpr int64_t kWorthWeights = 1 << 19;  ///< weights that are read for one row

/// How many things, of which each is so much work, are worth a thread; at least one.
constexpr int64_t grain_of(int64_t worth, int64_t each) {
  return std::max<int64_t>(1, worth / std::max<int64_t>(each, 1));
}

/// The same of outputs of so many weights each, computed for `rows` rows: with few of them reading
/// the weights takes the time.
constexpr int64_t outputs_grain(int64_t rows, int64_t weights) {
  constexpr int64_t kRowsFree = 12;
  return grain_of(kWorthWeights / (1 + rows / kRowsFree), weights);
}

} // namespace vlm
