// SPDX-License-Identifier: LGPL-2.1-or-later
// The registry on scripted models: no weights, so that thread checkers can run it.
#include "model/engine/registry.h"

#include "model/engine/retired_threads.h"
#include "tests/model/engine/scripted_model.h"

#include <gtest/gtest.h>

#include <atomic>

namespace vlm::test {
namespace {

using namespace std::chrono_literals;

Registry::LoaderOf loader_of(std::function<Result(const Request &)> answer,
                             std::atomic<int> *loads = nullptr) {
  return [answer, loads](const ModelOptions &, const std::function<void(double)> &,
                         const CancelToken &) {
    if (loads)
      ++*loads;
    return std::make_shared<ScriptedModel>(answer);
  };
}

class RegistryTest : public ::testing::Test {
protected:
  void TearDown() override { RetiredThreads::instance().join(); }
};

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

} // namespace
} // namespace vlm::test
