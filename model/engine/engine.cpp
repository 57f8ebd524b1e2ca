// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/engine.h"

#include "model/engine/load.h"
#include "model/engine/ocr.h"
#include "model/engine/painter_registry.h"
#include "model/engine/registry.h"
#include "model/engine/retired_threads.h"

namespace vlm {
namespace {

class LocalEngine : public Engine {
public:
  void validate(const ModelOptions &options) const override {
    RetiredThreads::join_at_exit(); // who prepares a model is mostly the main thread
    check_options(options);
  }

  std::shared_ptr<Worker> open(const ModelOptions &options,
                               const std::function<void(double)> &progress,
                               const CancelToken &cancel) override {
    return registry_.open(options, progress, cancel);
  }

  void validate_painter(const PainterOptions &options) const override {
    RetiredThreads::join_at_exit();
    Painter::resolve(options);
  }

  std::shared_ptr<PaintWorker> open_painter(const PainterOptions &options,
                                            const std::function<void(double)> &progress,
                                            const CancelToken &cancel) override {
    return painters_.open(options, progress, cancel);
  }

  void check_ocr() const override { vlm::check_ocr(); }

  void set_log_sink(LogSink sink) override { vlm::set_log_sink(std::move(sink)); }

private:
  Registry registry_{&resolve_options, &Model::load};
  PainterRegistry painters_{&Painter::resolve, &Painter::open};
};

} // namespace
} // namespace vlm

extern "C" __attribute__((visibility("default"))) vlm::Engine *vlm_engine(int interface_version) {
  if (interface_version != vlm::kEngineInterface)
    return nullptr;
  static vlm::LocalEngine engine;
  return &engine;
}
