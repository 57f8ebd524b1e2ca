// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/painter_registry.h"

namespace vlm {
namespace {

// One client's view of a painter that several share: its pictures are painted by as many threads as
// it asked for.
class SharedPainter : public PaintWorker {
public:
  SharedPainter(std::shared_ptr<PaintWorker> worker, int threads)
      : worker_(std::move(worker)), threads_(threads) {}

  const PainterInfo &info() const override { return worker_->info(); }
  void submit(PaintJob job) override {
    if (job.request.threads == 0)
      job.request.threads = threads_;
    worker_->submit(std::move(job));
  }

private:
  std::shared_ptr<PaintWorker> worker_;
  int threads_;
};

} // namespace

std::shared_ptr<PaintWorker> PainterRegistry::open(const PainterOptions &options,
                                                   const std::function<void(double)> &progress,
                                                   const CancelToken &cancel) {
  PainterOptions resolved = resolve_(options);
  resolved.threads = 0; // the loader's; every client has its own
  const auto worker = copies_.open(resolved, options.precision == "auto", load_, progress, cancel);
  return std::make_shared<SharedPainter>(worker, options.threads);
}

} // namespace vlm
