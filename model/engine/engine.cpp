// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/engine.h"

#include "model/engine/load.h"
#include "model/engine/registry.h"

namespace vlm {
namespace {

class LocalEngine : public Engine {
public:
  void validate(const ModelOptions &options) const override { check_options(options); }

  std::shared_ptr<Worker> open(const ModelOptions &options,
                               const std::function<void(double)> &progress,
                               const CancelToken &cancel) override {
    ModelOptions resolved = options;
    if (resolved.path.empty())
      resolved.path = embedded_model_path();
    return registry_.open(resolved, progress, cancel);
  }

  void set_log_sink(LogSink sink) override { vlm::set_log_sink(std::move(sink)); }

private:
  Registry registry_{&Model::load};
};

} // namespace
} // namespace vlm

extern "C" __attribute__((visibility("default"))) vlm::Engine *vlm_engine(int interface_version) {
  if (interface_version != vlm::kEngineInterface)
    return nullptr;
  static vlm::LocalEngine engine;
  return &engine;
}
