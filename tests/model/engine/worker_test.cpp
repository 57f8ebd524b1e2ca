// SPDX-License-Identifier: LGPL-2.1-or-later
// The worker's thread on scripted models: order, priority, and how it ends.
#include "model/engine/worker.h"

#include "model/engine/retired_threads.h"
#include "tests/model/engine/scripted_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <sched.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace vlm::test {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<ModelWorker> start(ScriptedModel::Answer answer) {
  auto worker = std::make_unique<ModelWorker>(
      [answer](const CancelToken &) { return std::make_shared<ScriptedModel>(answer); });
  worker->wait_loaded({});
  return worker;
}

class WorkerTest : public ::testing::Test {
protected:
  void TearDown() override { RetiredThreads::instance().join(); }
};

TEST_F(WorkerTest, AnswersInOrder) {
  const auto worker = start(echo);
  auto first = ask(*worker, "a"), second = ask(*worker, "b");
  EXPECT_EQ(second.get().text, "b");
  EXPECT_EQ(first.wait_for(0s), std::future_status::ready);
}

TEST_F(WorkerTest, ErrorsReachTheCompletion) {
  const auto worker = start([](const Request &) -> Result { throw std::runtime_error("kernel"); });
  const Answered answer = ask(*worker, "a").get();
  ASSERT_TRUE(answer.error);
  EXPECT_THROW(std::rethrow_exception(answer.error), std::runtime_error);
}

TEST_F(WorkerTest, DestroyingItCancelsEverything) {
  Gate started;
  auto worker = start([&](const Request &request) -> Result {
    started.open();
    while (!request.cancel.cancelled())
      std::this_thread::yield();
    fail(ErrorCategory::Cancelled, "cancelled");
  });
  auto running = ask(*worker, "a"), waiting = ask(*worker, "b");
  started.wait();
  worker.reset(); // returns although the job runs
  EXPECT_TRUE(running.get().error);
  EXPECT_TRUE(waiting.get().error);
}

TEST_F(WorkerTest, VideoThreadsComeFirst) {
  int nice = 0, policy = 0;
  const auto worker = start([&](const Request &request) {
    nice = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    policy = sched_getscheduler(0);
    return echo(request);
  });
  ask(*worker, "a").get();
  EXPECT_EQ(nice, std::max(10, getpriority(PRIO_PROCESS, 0))); // never higher than its process
  EXPECT_EQ(policy, SCHED_BATCH);
}

// A layer in the middle of its work notices nothing.
class DeafModels : public WorkerTest {
protected:
  void start_one() {
    auto started = std::make_shared<Gate>();
    workers_.push_back(start([this, started](const Request &request) {
      started->open();
      layer_.wait();
      return echo(request);
    }));
    answers_.push_back(ask(*workers_.back(), "a"));
    started->wait();
  }
  void end_layers() {
    layer_.open();
    for (const auto &thread : ended_)
      thread.wait();
  }
  void destroy_all() {
    for (auto &worker : workers_) {
      ended_.push_back(worker->ended());
      worker.reset();
    }
  }

  Gate layer_;
  std::vector<std::unique_ptr<ModelWorker>> workers_;
  std::vector<std::future<Answered>> answers_;
  std::vector<std::shared_future<void>> ended_;
};

TEST_F(DeafModels, HoldNobodyUp) {
  for (int i = 0; i < 4; ++i)
    start_one();
  const auto begin = std::chrono::steady_clock::now();
  destroy_all();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 200ms);
  end_layers();
}

TEST_F(DeafModels, ThreadsThatEndedAreJoinedByTheNextWorker) {
  for (int i = 0; i < 2; ++i)
    start_one();
  destroy_all();
  EXPECT_EQ(RetiredThreads::instance().count(), 2u);
  end_layers();
  const auto next = start(echo);
  EXPECT_EQ(RetiredThreads::instance().count(), 0u);
}

// What was registered after them, as objects of libraries are while a model loads, is still there.
TEST(RetiredThreads, AreWaitedForBeforeAnythingIsDestroyed) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto leave = [] {
    static std::atomic<bool> done{false};
    RetiredThreads::join_at_exit();
    std::promise<void> ended;
    std::thread thread([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      done = true;
    });
    RetiredThreads::instance().add(std::move(thread), ended.get_future().share());
    std::atexit([] { _exit(done ? 7 : 8); });
    std::exit(0);
  };
  EXPECT_EXIT(leave(), ::testing::ExitedWithCode(7), "");
}

} // namespace
} // namespace vlm::test
