// SPDX-License-Identifier: LGPL-2.1-or-later
// Worker and registry on a scripted model: no weights, so that thread checkers can run it.
#include "model/engine/registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace vlm {
namespace {

using namespace std::chrono_literals;

/// A gate that scripted work waits at.
class Gate {
public:
  void open() { promise_.set_value(); }
  void wait() const { future_.wait(); }

private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

class ScriptedModel : public Model {
public:
  explicit ScriptedModel(std::function<Result(const Request &)> answer)
      : answer_(std::move(answer)) {}
  const ModelInfo &info() const override { return info_; }
  Result generate(const Request &request) const override { return answer_(request); }

private:
  ModelInfo info_;
  std::function<Result(const Request &)> answer_;
};

Result echo(const Request &request) {
  Result result;
  result.text = request.question;
  return result;
}

Registry::LoaderOf loader_of(std::function<Result(const Request &)> answer,
                             std::atomic<int> *loads = nullptr) {
  return [answer, loads](const ModelOptions &, const std::function<void(double)> &,
                         const CancelToken &) {
    if (loads)
      ++*loads;
    return std::make_shared<ScriptedModel>(answer);
  };
}

struct Answer {
  std::string text;
  std::exception_ptr error;
};

std::future<Answer> ask(Worker &worker, Request request) {
  auto promise = std::make_shared<std::promise<Answer>>();
  worker.submit(std::move(request), [promise](std::unique_ptr<Result> result, std::exception_ptr e) {
    promise->set_value({result ? result->text : "", e});
  });
  return promise->get_future();
}

Request question(const std::string &text) {
  Request request;
  request.question = text;
  return request;
}

class RegistryTest : public ::testing::Test {
protected:
  void TearDown() override { join_finished_workers(); }
};

TEST_F(RegistryTest, AnswersInOrder) {
  Registry registry(loader_of(echo));
  const auto worker = registry.open({}, {}, {});
  auto first = ask(*worker, question("a")), second = ask(*worker, question("b"));
  EXPECT_EQ(second.get().text, "b");
  EXPECT_EQ(first.wait_for(0s), std::future_status::ready);
}

TEST_F(RegistryTest, EqualOptionsShareOneLoad) {
  std::atomic<int> loads{0};
  Gate gate;
  Registry registry([&](const ModelOptions &, const std::function<void(double)> &,
                        const CancelToken &) -> std::shared_ptr<const Model> {
    ++loads;
    gate.wait();
    return std::make_shared<ScriptedModel>(echo);
  });
  auto open = [&] { return registry.open({"/a"}, {}, {}); };
  auto one = std::async(std::launch::async, open), two = std::async(std::launch::async, open);
  gate.open();
  EXPECT_EQ(one.get(), two.get());
  EXPECT_EQ(loads, 1);
}

TEST_F(RegistryTest, OtherOptionsAndLaterOpensLoadAnew) {
  std::atomic<int> loads{0};
  Registry registry(loader_of(echo, &loads));
  auto a = registry.open({"/a"}, {}, {});
  auto b = registry.open({"/b"}, {}, {});
  EXPECT_NE(a, b);
  EXPECT_EQ(loads, 2);
  a.reset();
  a = registry.open({"/a"}, {}, {});
  EXPECT_EQ(loads, 3);
}

TEST_F(RegistryTest, FailedLoadIsToldAndTriedAgain) {
  std::atomic<int> loads{0};
  Registry registry([&](const ModelOptions &, const std::function<void(double)> &,
                        const CancelToken &) -> std::shared_ptr<const Model> {
    if (++loads == 1)
      fail(ErrorCategory::Format, "model.safetensors: broken");
    return std::make_shared<ScriptedModel>(echo);
  });
  try {
    registry.open({"/a"}, {}, {});
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Format);
  }
  EXPECT_NE(registry.open({"/a"}, {}, {}), nullptr);
}

TEST_F(RegistryTest, AnOpenerCanGiveUpWhileTheLoadGoesOn) {
  Gate gate;
  Registry registry([&](const ModelOptions &, const std::function<void(double)> &,
                        const CancelToken &) -> std::shared_ptr<const Model> {
    gate.wait();
    return std::make_shared<ScriptedModel>(echo);
  });
  CancelToken cancel;
  auto patient = std::async(std::launch::async, [&] { return registry.open({"/a"}, {}, {}); });
  auto hasty = std::async(std::launch::async, [&] { return registry.open({"/a"}, {}, cancel); });
  cancel.cancel();
  EXPECT_THROW(hasty.get(), Error);
  gate.open();
  EXPECT_NE(patient.get(), nullptr);
}

TEST_F(RegistryTest, ErrorsReachTheCompletion) {
  Registry registry(loader_of([](const Request &) -> Result { throw std::runtime_error("kernel"); }));
  const auto worker = registry.open({}, {}, {});
  const Answer answer = ask(*worker, question("a")).get();
  ASSERT_TRUE(answer.error);
  EXPECT_THROW(std::rethrow_exception(answer.error), std::runtime_error);
}

TEST_F(RegistryTest, DroppingTheWorkerCancelsEverything) {
  Gate started;
  Registry registry(loader_of([&](const Request &request) -> Result {
    started.open();
    while (!request.cancel.cancelled())
      std::this_thread::yield();
    fail(ErrorCategory::Cancelled, "cancelled");
  }));
  auto worker = registry.open({}, {}, {});
  auto running = ask(*worker, question("a")), waiting = ask(*worker, question("b"));
  started.wait();
  worker.reset(); // returns although the job runs
  EXPECT_TRUE(running.get().error);
  EXPECT_TRUE(waiting.get().error);
}

} // namespace
} // namespace vlm
