// SPDX-License-Identifier: LGPL-2.1-or-later
// The painter's thread and registry on scripted painters, and the engine with a real one.
#include "model/engine/painter_registry.h"
#include "model/engine/retired_threads.h"
#include "tests/model/engine/scripted_model.h"
#include "tests/support/fixture.h"

#include <gtest/gtest.h>

#include <atomic>

namespace vlm::test {
namespace {

using namespace std::chrono_literals;

using Paint = std::function<Painting(const PaintRequest &, const CancelToken &)>;

/// A painter without weights.
class ScriptedPainter : public Painter {
public:
  explicit ScriptedPainter(Paint paint, const std::string &precision = "")
      : paint_(std::move(paint)) {
    info_.precision = precision;
  }
  const PainterInfo &info() const override { return info_; }
  Painting paint(const PaintRequest &request, const CancelToken &cancel,
                 const std::function<void(const PaintStep &)> &) override {
    return paint_(request, cancel);
  }

private:
  PainterInfo info_;
  Paint paint_;
};

/// As wide as its prompt is long.
Painting blank(const PaintRequest &request, const CancelToken & = {}) {
  Painting painting;
  painting.image.width = static_cast<int>(request.prompt.size());
  painting.cut = request.threads;
  return painting;
}

struct Painted {
  std::unique_ptr<Painting> painting;
  std::exception_ptr error;
};

std::future<Painted> paint(PaintWorker &worker, const std::string &prompt,
                           const CancelToken &cancel = {}) {
  auto promise = std::make_shared<std::promise<Painted>>();
  PaintJob job;
  job.request.prompt = prompt;
  job.cancel = cancel;
  job.done = [promise](std::unique_ptr<Painting> painting, std::exception_ptr error) {
    promise->set_value({std::move(painting), error});
  };
  worker.submit(std::move(job));
  return promise->get_future();
}

std::unique_ptr<PainterWorker> start(const Paint &paint) {
  auto worker = std::make_unique<PainterWorker>(
      [paint](const CancelToken &) { return std::make_unique<ScriptedPainter>(paint); });
  worker->wait_loaded({});
  return worker;
}

class PainterWorkerTest : public ::testing::Test {
protected:
  void TearDown() override { RetiredThreads::instance().join(); }
};

TEST_F(PainterWorkerTest, PaintsInOrderAndTellsErrors) {
  const auto worker = start([](const PaintRequest &request, const CancelToken &) {
    if (request.prompt == "bad")
      throw std::runtime_error("block");
    return blank(request);
  });
  auto first = paint(*worker, "a"), second = paint(*worker, "bad"), third = paint(*worker, "ccc");
  EXPECT_EQ(third.get().painting->image.width, 3);
  ASSERT_EQ(first.wait_for(0s), std::future_status::ready);
  EXPECT_EQ(first.get().painting->image.width, 1);
  const Painted failed = second.get();
  EXPECT_FALSE(failed.painting);
  EXPECT_THROW(std::rethrow_exception(failed.error), std::runtime_error);
}

TEST_F(PainterWorkerTest, CancelledBeforeItsTurnIsNotBegun) {
  Gate gate;
  std::atomic<int> begun{0};
  const auto worker = start([&](const PaintRequest &request, const CancelToken &) {
    ++begun;
    gate.wait();
    return blank(request);
  });
  const CancelToken cancel;
  auto first = paint(*worker, "a"), second = paint(*worker, "b", cancel);
  cancel.cancel();
  gate.open();
  EXPECT_TRUE(second.get().error);
  EXPECT_TRUE(first.get().painting);
  EXPECT_EQ(begun, 1);
}

TEST_F(PainterWorkerTest, DestroyingItCancelsEverything) {
  Gate started;
  auto worker = start([&](const PaintRequest &, const CancelToken &cancel) -> Painting {
    started.open();
    while (!cancel.cancelled())
      std::this_thread::yield();
    fail(ErrorCategory::Cancelled, "cancelled");
  });
  auto painted = paint(*worker, "a"), waiting = paint(*worker, "b");
  started.wait();
  worker.reset();
  EXPECT_TRUE(painted.get().error);
  EXPECT_TRUE(waiting.get().error);
}

TEST_F(PainterWorkerTest, ABlockThatNoticesNothingHoldsNobodyUp) {
  Gate started, block;
  auto worker = start([&](const PaintRequest &request, const CancelToken &) {
    started.open();
    block.wait();
    return blank(request);
  });
  auto painted = paint(*worker, "a");
  started.wait();
  const auto ended = worker->ended();
  const auto begin = std::chrono::steady_clock::now();
  worker.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 200ms);
  EXPECT_EQ(RetiredThreads::instance().count(), 1u);
  block.open();
  ended.wait();
  EXPECT_TRUE(painted.get().painting);
}

/// Counts loads; auto means float32.
class PainterRegistryTest : public PainterWorkerTest {
protected:
  std::shared_ptr<PaintWorker> open(const PainterOptions &options) {
    return registry_.open(options, {}, {});
  }
  static bool same(const std::shared_ptr<PaintWorker> &a, const std::shared_ptr<PaintWorker> &b) {
    return &a->info() == &b->info();
  }

  std::atomic<int> loads_{0};
  PainterRegistry registry_{[](PainterOptions options) {
                              if (options.precision == "auto")
                                options.precision = "float32";
                              return options;
                            },
                            [this](const PainterOptions &options,
                                   const std::function<void(double)> &,
                                   const CancelToken &) -> std::unique_ptr<Painter> {
                              if (options.path == "/broken")
                                fail(ErrorCategory::Format, "broken");
                              ++loads_;
                              return std::make_unique<ScriptedPainter>(blank, options.precision);
                            }};
};

TEST_F(PainterRegistryTest, SharesOneCopyPerPathAndPrecision) {
  auto a = open({"/a", "cpu", "bfloat16", 0});
  EXPECT_TRUE(same(a, open({"/a", "cpu", "auto", 0})));
  EXPECT_FALSE(same(a, open({"/a", "cpu", "float32", 0})));
  EXPECT_FALSE(same(a, open({"/b", "cpu", "bfloat16", 0})));
  EXPECT_EQ(loads_, 3);
  a.reset();
  a = open({"/a", "cpu", "bfloat16", 0});
  EXPECT_EQ(loads_, 4);
}

TEST_F(PainterRegistryTest, ClientsKeepTheirThreads) {
  const auto one = open({"/a", "cpu", "auto", 1}), three = open({"/a", "cpu", "auto", 3});
  EXPECT_TRUE(same(one, three));
  EXPECT_EQ(paint(*one, "p").get().painting->cut, 1);
  EXPECT_EQ(paint(*three, "p").get().painting->cut, 3);
}

TEST_F(PainterRegistryTest, FailedLoadIsTold) {
  EXPECT_THROW(open({"/broken"}), Error);
  EXPECT_NE(open({"/a"}), nullptr);
}

TEST(EnginePainter, PaintsWithARealModel) {
  Engine &engine = *vlm_engine(kEngineInterface);
  PainterOptions options;
  options.path = data("sdxl/model");
  EXPECT_NO_THROW(engine.validate_painter(options));
  const auto worker = engine.open_painter(options, {}, {});
  EXPECT_EQ(worker->info().default_size, 128);
  PaintJob job;
  job.request.prompt = "a red bird";
  job.request.width = job.request.height = 64;
  job.request.steps = 2;
  int64_t steps = 0;
  std::promise<Image> image;
  job.step = [&](const PaintStep &done) { steps = done.step; };
  job.done = [&](std::unique_ptr<Painting> painting, std::exception_ptr error) {
    image.set_value(error ? Image() : painting->image);
  };
  worker->submit(std::move(job));
  EXPECT_EQ(image.get_future().get().rgb.size(), 64u * 64 * 3);
  EXPECT_EQ(steps, 2);
}

TEST(EnginePainter, BadOptionsAreToldBeforeLoading) {
  const Engine &engine = *vlm_engine(kEngineInterface);
  PainterOptions options;
  options.path = "/nowhere";
  EXPECT_THROW(engine.validate_painter(options), Error);
  options.path = data("sdxl/model");
  options.precision = "int9";
  EXPECT_THROW(engine.validate_painter(options), Error);
}

} // namespace
} // namespace vlm::test
