// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <atomic>

namespace vlm {

/// One client's view of a worker that several share: its requests take this client's turns, and run
/// on as many threads as it asked for.
class SharedWorker : public Worker {
public:
  SharedWorker(std::shared_ptr<Worker> worker, int threads)
      : worker_(std::move(worker)), threads_(threads) {
    static std::atomic<uint64_t> clients{0};
    client_ = ++clients;
  }

  const ModelInfo &info() const override { return worker_->info(); }
  void submit(Request request, Completion done) override {
    if (request.client == 0)
      request.client = client_;
    if (request.threads == 0)
      request.threads = threads_;
    worker_->submit(std::move(request), std::move(done));
  }

private:
  std::shared_ptr<Worker> worker_;
  int threads_;
  uint64_t client_;
};

} // namespace vlm
