// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/threads.h"

#include "model/core/resident_memory.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <dlfcn.h>
#include <exception>
#include <mutex>

// The runtime under GCC's `#pragma omp parallel`, called by name: libtorch and oneDNN use it
// whatever compiler builds this file, while clang's -fopenmp would bring a second runtime with a
// second team of threads.
extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_max_threads();
int omp_in_parallel();
void omp_set_num_threads(int count);
}

namespace vlm {
namespace {

// One parallel_for: threads draw parts until none are left.
struct Loop {
  const std::function<void(int64_t, int64_t)> &body;
  const int64_t end, part;
  std::atomic<int64_t> next;
  std::atomic<bool> failed{false};
  std::exception_ptr error{}; // written by the thread that sets `failed`

  void draw() noexcept {
    try {
      for (int64_t from; !failed && (from = next.fetch_add(part)) < end;)
        body(from, std::min(from + part, end));
    } catch (...) {
      if (!failed.exchange(true))
        error = std::current_exception();
    }
  }
};

} // namespace

void set_threads(int count) {
  // Not at::set_num_threads: each call ends the threads of a pool that nothing here uses, starts
  // others, and now and then waits for ever for one to end. ATen counts by OpenMP's number, which
  // it sets itself when a thread first asks for it.
  at::get_num_threads();
  omp_set_num_threads(count);
  // Called for every token: what holds for the whole process is looked up and set once.
  static void *const openblas = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (openblas)
    reinterpret_cast<void (*)(int)>(openblas)(count);
  static std::once_flag kept;
  std::call_once(kept, keep_large_blocks);
}

void parallel_for(int64_t begin, int64_t end, int64_t grain,
                  const std::function<void(int64_t, int64_t)> &body) {
  if (begin >= end)
    return;
  const int64_t most = (end - begin + grain - 1) / std::max<int64_t>(grain, 1);
  const int64_t threads = omp_in_parallel() ? 1 : std::min<int64_t>(omp_get_max_threads(), most);
  if (threads <= 1)
    return body(begin, end);
  constexpr int64_t kPartsPerThread = 4;
  const int64_t part = std::max(grain, (end - begin) / (threads * kPartsPerThread));
  Loop loop{body, end, part, {begin}};
  GOMP_parallel([](void *data) { static_cast<Loop *>(data)->draw(); }, &loop,
                static_cast<unsigned>(threads), 0);
  if (loop.error)
    std::rethrow_exception(loop.error);
}

} // namespace vlm
