// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/registry.h"

#include "model/engine/shared_worker.h"

namespace vlm {

std::shared_ptr<Worker> Registry::open(const ModelOptions &options,
                                       const std::function<void(double)> &progress,
                                       const CancelToken &cancel) {
  const auto worker =
      copies_.open(resolve_(options), options.precision == "auto", load_, progress, cancel);
  return std::make_shared<SharedWorker>(worker, options.threads);
}

} // namespace vlm
