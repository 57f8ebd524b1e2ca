// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/threads.h"

#include "model/core/error.h"
#include "model/core/machine.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <string>
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

} // namespace
} // namespace vlm::test
