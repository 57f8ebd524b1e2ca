// SPDX-License-Identifier: LGPL-2.1-or-later
// What libtorch throws in a model does not leave it.
#include "model/engine/guarded_model.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <functional>

namespace vlm {
namespace {

void run_out_of_memory() { at::empty({int64_t{1} << 50}, at::kByte); }

/// Needs more than there is, whatever it is asked.
class Greedy : public Model {
public:
  const ModelInfo &info() const override { return info_; }
  std::unique_ptr<Answer> begin(Request, const Pace &) const override {
    run_out_of_memory();
    return nullptr;
  }
  void advance(const std::vector<Answer *> &) const override { run_out_of_memory(); }

private:
  ModelInfo info_;
};

TEST(GuardedModel, AFailedAllocationIsAnErrorOfMemory) {
  const GuardedModel model(std::make_shared<Greedy>());
  for (const std::function<void()> &action : std::vector<std::function<void()>>{
           [&] { model.begin({}, {}); }, [&] { model.advance({}); }, [&] { model.generate({}); }})
    try {
      action();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), ErrorCategory::Memory);
      EXPECT_STREQ(error.what(), "out of memory: 1125899.91 GB could not be allocated");
    }
}

TEST(GuardedModel, EveryLoadedModelIsOne) {
  const auto model = Model::load({});
  EXPECT_NE(dynamic_cast<const GuardedModel *>(model.get()), nullptr);
}

} // namespace
} // namespace vlm
