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

using Progress = std::function<void(double)>;
using Loaded = std::shared_ptr<const Model>;

/// Where auto means bfloat16.
ModelOptions resolve(const ModelOptions &options) {
  ModelOptions out = options;
  out.precision = options.precision == "auto" ? "bfloat16" : options.precision;
  return out;
}

/// Counts loads.
class RegistryTest : public ::testing::Test {
protected:
  void TearDown() override { RetiredThreads::instance().join(); }
  std::shared_ptr<Worker> open(const ModelOptions &options) {
    return registry_.open(options, {}, {});
  }
  // One loaded copy has one description.
  static bool same(const std::shared_ptr<Worker> &a, const std::shared_ptr<Worker> &b) {
    return &a->info() == &b->info();
  }

  std::atomic<int> loads_{0};
  ScriptedModel::Answer answer_ = echo;
  Registry registry_{
      resolve,
      [this](const ModelOptions &options, const Progress &, const CancelToken &) -> Loaded {
        ++loads_;
        return std::make_shared<ScriptedModel>(answer_, options.precision);
      }};
};

TEST_F(RegistryTest, LoadsUnderWayAreJoined) {
  Gate gate;
  Registry registry(resolve,
                    [&](const ModelOptions &, const Progress &, const CancelToken &) -> Loaded {
                      ++loads_;
                      gate.wait();
                      return std::make_shared<ScriptedModel>(echo);
                    });
  auto open = [&] { return registry.open({"/a"}, {}, {}); };
  auto one = std::async(std::launch::async, open), two = std::async(std::launch::async, open);
  gate.open();
  EXPECT_TRUE(same(one.get(), two.get()));
  EXPECT_EQ(loads_, 1);
}

TEST_F(RegistryTest, OtherModelsAndLaterOpensLoadAnew) {
  auto a = open({"/a"});
  const auto b = open({"/b"});
  EXPECT_FALSE(same(a, b));
  EXPECT_EQ(loads_, 2);
  a.reset();
  a = open({"/a"});
  EXPECT_EQ(loads_, 3);
}

TEST_F(RegistryTest, AutoSharesWhatItMeansAndWhatIsThere) {
  const auto by_name = open({"/a", "cpu", "bfloat16", 0});
  EXPECT_TRUE(same(by_name, open({"/a", "cpu", "auto", 0})));
  const auto other = open({"/b", "cpu", "float32", 0});
  EXPECT_TRUE(same(other, open({"/b", "cpu", "auto", 0})));
  const auto decided = open({"/c", "cpu", "auto", 0});
  EXPECT_TRUE(same(decided, open({"/c", "cpu", "bfloat16", 0})));
  EXPECT_EQ(loads_, 3);
  EXPECT_FALSE(same(decided, open({"/c", "cpu", "float32", 0})));
}

TEST_F(RegistryTest, ClientsWithOtherThreadsShareTheModelAndKeepTheirThreads) {
  answer_ = [](const Request &request) {
    Result result;
    result.text = std::to_string(request.threads);
    return result;
  };
  const auto one = open({"/a", "cpu", "float32", 1}), three = open({"/a", "cpu", "float32", 3});
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(ask(*one, "?").get().text, "1");
  EXPECT_EQ(ask(*three, "?").get().text, "3");
}

TEST_F(RegistryTest, FailedLoadIsToldAndTriedAgain) {
  Registry registry(resolve,
                    [&](const ModelOptions &, const Progress &, const CancelToken &) -> Loaded {
                      if (++loads_ == 1)
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
  Registry registry(resolve,
                    [&](const ModelOptions &, const Progress &, const CancelToken &) -> Loaded {
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

// As a pipeline does that goes to READY and back while its model loads.
TEST_F(RegistryTest, ALoadThatWasGivenUpEndsBeforeTheNextBegins) {
  Gate begun, tensor; // a load sees that it was cancelled only after a tensor
  std::atomic<int> at_once{0}, most_at_once{0};
  Registry registry(
      resolve, [&](const ModelOptions &, const Progress &, const CancelToken &cancel) -> Loaded {
        most_at_once = std::max<int>(most_at_once, ++at_once);
        if (++loads_ == 1) {
          begun.open();
          tensor.wait();
        }
        --at_once;
        cancel.check();
        return std::make_shared<ScriptedModel>(echo);
      });
  CancelToken cancel;
  auto first = std::async(std::launch::async, [&] { return registry.open({"/a"}, {}, cancel); });
  begun.wait();
  cancel.cancel();
  EXPECT_THROW(first.get(), Error);
  auto second = std::async(std::launch::async, [&] {
    return registry.open({"/a", "cpu", "float32", 0}, {}, {});
  });
  EXPECT_EQ(second.wait_for(50ms), std::future_status::timeout);
  tensor.open();
  EXPECT_NE(second.get(), nullptr);
  EXPECT_EQ(loads_, 2);
  EXPECT_EQ(most_at_once, 1);
}

} // namespace
} // namespace vlm::test
