// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

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

/// Weights of a product that are worth a thread: what a grain is reckoned from.
constexpr int64_t kWeightsPart = 1 << 16;

} // namespace vlm
