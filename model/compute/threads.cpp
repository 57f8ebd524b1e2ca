// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/threads.h"

#include "model/core/resident_memory.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <dlfcn.h>
#include <exception>
#include <mutex>
#include <thread>

// The runtime under GCC's `#pragma omp parallel`, called by name: libtorch and oneDNN use it
// whatever compiler builds this file, while clang's -fopenmp would bring a second runtime with a
// second team of threads.
extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_max_threads();
int omp_get_thread_num();
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

// Tells the core that it waits in a loop.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The threads of with_team_awake(). A loop lies on its caller's stack: who draws from it is counted
// before it looks for it, and the caller takes it away before it waits for that count.
class Team {
public:
  explicit Team(const std::function<void()> &body) : body_(body) {}

  // One of the team's threads; the first is the one that made it.
  void run() noexcept {
    if (omp_get_thread_num() > 0)
      return help();
    current_ = this;
    try {
      body_();
    } catch (...) {
      error_ = std::current_exception();
    }
    current_ = nullptr;
    over_ = true;
  }

  void share(Loop &loop) {
    loop_ = &loop;
    ++epoch_;
    draw(loop);
    loop_ = nullptr;
    for (Patience patience; drawing_ > 0;)
      patience.wait();
  }

  const std::exception_ptr &error() const { return error_; }
  // That this thread leads and may share a loop with.
  static Team *current() { return current_; }

private:
  // Spins for some tens of microseconds; then whoever else wants the core may have it.
  class Patience {
  public:
    void wait() {
      constexpr int kSpins = 1000;
      if (++spins_ > kSpins)
        std::this_thread::yield();
      else
        relax();
    }

  private:
    int spins_ = 0;
  };

  void help() {
    uint64_t seen = 0;
    for (Patience patience; !over_;) {
      const uint64_t now = epoch_;
      if (now == seen) {
        patience.wait();
        continue;
      }
      seen = now;
      ++drawing_;
      if (Loop *loop = loop_)
        loop->draw();
      --drawing_;
      patience = {};
    }
  }

  void draw(Loop &loop) {
    current_ = nullptr; // inside of a part all is sequential
    loop.draw();
    current_ = this;
  }

  static thread_local Team *current_;
  const std::function<void()> &body_;
  std::atomic<Loop *> loop_{nullptr};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int> drawing_{0};
  std::atomic<bool> over_{false};
  std::exception_ptr error_; // read when all threads have left
};

thread_local Team *Team::current_ = nullptr;

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
  Team *const team = Team::current();
  const bool alone = omp_in_parallel() && !team;
  const int64_t threads = alone ? 1 : std::min<int64_t>(omp_get_max_threads(), most);
  if (threads <= 1)
    return body(begin, end);
  constexpr int64_t kPartsPerThread = 4;
  const int64_t part = std::max(grain, (end - begin) / (threads * kPartsPerThread));
  Loop loop{body, end, part, {begin}};
  if (team)
    team->share(loop);
  else
    GOMP_parallel([](void *data) { static_cast<Loop *>(data)->draw(); }, &loop,
                  static_cast<unsigned>(threads), 0);
  if (loop.error)
    std::rethrow_exception(loop.error);
}

void with_team_awake(const std::function<void()> &body) {
  const int threads = omp_get_max_threads();
  if (threads < 2 || omp_in_parallel())
    return body();
  Team team(body);
  GOMP_parallel([](void *data) { static_cast<Team *>(data)->run(); }, &team,
                static_cast<unsigned>(threads), 0);
  if (team.error())
    std::rethrow_exception(team.error());
}

} // namespace vlm
