// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/threads.h"

#include "model/core/error.h"
#include "model/core/machine.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace vlm::test {
namespace {

TEST(Threads, NumberIsTakenOver) {
  set_threads(2);
  EXPECT_EQ(at::get_num_threads(), 2);
  set_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_threads(available_threads());
}

std::set<std::string> running() {
  std::set<std::string> ids;
  for (const auto &task : std::filesystem::directory_iterator("/proc/self/task"))
    ids.insert(task.path().filename());
  return ids;
}

// It is called for every token.
TEST(Threads, StayWhenTheNumberDoes) {
  set_threads(3);
  const auto before = running();
  set_threads(3);
  for (const std::string &id : running()) // others may just be ending
    EXPECT_EQ(before.count(id), 1u) << "a thread was started";
  set_threads(available_threads());
}

TEST(Threads, EveryIndexOnce) {
  set_threads(3);
  for (const int64_t size : {0, 1, 2, 7, 1000})
    for (const int64_t grain : {1, 3, 5000}) {
      std::vector<std::atomic<int>> hits(size);
      parallel_for(0, size, grain, [&](int64_t from, int64_t to) {
        for (; from < to; ++from)
          ++hits[from];
      });
      for (const auto &hit : hits)
        EXPECT_EQ(hit, 1) << size << " by " << grain;
    }
  set_threads(available_threads());
}

TEST(Threads, NestedLoopsAndExceptions) {
  set_threads(2);
  std::atomic<int64_t> sum{0};
  parallel_for(0, 10, 1, [&](int64_t from, int64_t to) {
    parallel_for(from, to, 1, [&](int64_t i, int64_t end) {
      for (; i < end; ++i)
        sum += i;
    });
  });
  EXPECT_EQ(sum, 45);
  EXPECT_THROW(
      parallel_for(0, 10, 1, [](int64_t, int64_t) { fail(ErrorCategory::Failed, "on purpose"); }),
      Error);
  set_threads(available_threads());
}

// More threads than cores, too: none may be waited for that has not come yet.
TEST(Threads, ATeamThatIsAwakeDoesEveryLoopOnce) {
  for (const int threads : {1, 2, 7}) {
    set_threads(threads);
    std::vector<std::atomic<int>> hits(100);
    constexpr int kLoops = 2000;
    with_team_awake([&] {
      for (int loop = 0; loop < kLoops; ++loop)
        parallel_for(0, 100, 1, [&](int64_t from, int64_t to) {
          for (; from < to; ++from)
            ++hits[from];
        });
    });
    for (const auto &hit : hits)
      EXPECT_EQ(hit, kLoops) << threads;
  }
  set_threads(available_threads());
}

TEST(Threads, ATeamThatIsAwakeSharesTheWork) {
  set_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  const auto note = [&](int64_t, int64_t) {
    std::lock_guard<std::mutex> lock(mutex);
    seen.insert(std::this_thread::get_id());
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  with_team_awake([&] {
    while (seen.size() < 2 && std::chrono::steady_clock::now() < end)
      parallel_for(0, 100, 1, note);
  });
  EXPECT_EQ(seen.size(), 2u);
  set_threads(available_threads());
}

TEST(Threads, ATeamThatIsAwakePassesExceptionsOnAndNests) {
  set_threads(2);
  const auto thrower = [](int64_t, int64_t) { fail(ErrorCategory::Failed, "on purpose"); };
  std::atomic<int64_t> sum{0};
  with_team_awake([&] {
    EXPECT_THROW(parallel_for(0, 10, 1, thrower), Error);
    with_team_awake([&] {
      parallel_for(0, 10, 1, [&](int64_t from, int64_t to) {
        parallel_for(from, to, 1, [&](int64_t i, int64_t end) { sum += end - i; });
      });
    });
  });
  EXPECT_EQ(sum, 10);
  EXPECT_THROW(with_team_awake([&] { parallel_for(0, 10, 1, thrower); }), Error);
  parallel_for(0, 10, 1, [&](int64_t from, int64_t to) { sum += to - from; });
  EXPECT_EQ(sum, 20) << "no team stays behind";
  set_threads(available_threads());
}

} // namespace
} // namespace vlm::test
