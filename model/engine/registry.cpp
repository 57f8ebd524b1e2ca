// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/registry.h"

#include "model/engine/shared_worker.h"

namespace vlm {

std::shared_ptr<Worker> Registry::open(const ModelOptions &options,
                                       const std::function<void(double)> &progress,
                                       const CancelToken &cancel) {
  const ModelOptions resolved = resolve_(options);
  const auto start = [&](SharedCopies<ModelWorker>::Leaving leaving) {
    return std::make_shared<ModelWorker>([load = load_, resolved, progress,
                                          leaving = std::move(leaving)](const CancelToken &closed) {
      wait_for(leaving);
      closed.check();
      return load(resolved, progress, closed);
    });
  };
  const auto worker = copies_.find_or_start(resolved.path + '\n' + resolved.device,
                                            resolved.precision, options.precision == "auto", start);
  worker->wait_loaded(cancel);
  return std::make_shared<SharedWorker>(worker, options.threads);
}

} // namespace vlm
