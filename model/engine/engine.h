// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/log.h"
#include "model/engine/request.h"
#include "model/generation/painter.h"

#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace vlm {

/// Which model, where and how. Within a process there is one loaded copy per path, device and
/// precision; `auto` takes a copy that is there already, in whatever precision. Every client's
/// requests run on the number of threads that it asked for, whoever loaded the model.
struct ModelOptions {
  std::string path;               ///< checkpoint directory; empty: the embedded model
  std::string device = "cpu";     ///< cpu, cuda, cuda:N
  std::string precision = "auto"; ///< auto, float32, bfloat16, int8, int4
  int threads = 0;                ///< up to 1024; 0: all that the process may use
};

struct ModelInfo {
  std::string name;          ///< of the checkpoint directory
  std::string digest;        ///< SHA-256 that identifies the weights
  std::string architecture;  ///< gemma, llama, mixtral
  std::string template_name; ///< used when a request names none
  std::string device, precision;
  bool has_vision = false;
  int64_t context_length = 0;   ///< positions a prompt with pictures is cut to
  int64_t tokens_per_image = 0; ///< 0 without vision
  uint64_t weight_bytes = 0;    ///< resident
};

/// Exactly one of `result` and `error` is set.
using Completion = std::function<void(std::unique_ptr<Result> result, std::exception_ptr error)>;

/// One loaded model with its thread. Requests of several clients are answered together, a token
/// each in one pass, and begin in fair turns (Request::client). All members may be called from any
/// thread.
class Worker {
public:
  virtual ~Worker() = default;
  virtual const ModelInfo &info() const = 0;

  /// Queues the request and returns at once. `done` is called exactly once, on the worker's thread,
  /// also for a cancelled request (Error(Cancelled), or a partial Result when text existed); it
  /// must not throw and must not wait for this worker. Cancelling is done through `request.cancel`.
  virtual void submit(Request request, Completion done) = 0;
};

/// Exactly one of `painting` and `error` is set.
using PaintCompletion =
    std::function<void(std::unique_ptr<Painting> painting, std::exception_ptr error)>;

/// One picture to paint. `step` (may be empty) and `done` are called on the painter's thread; they
/// must not wait for this painter, and `done` must not throw.
struct PaintJob {
  PaintRequest request;
  CancelToken cancel;
  std::function<void(const PaintStep &)> step;
  PaintCompletion done; ///< exactly once, also when cancelled
};

/// One loaded painter with its thread, which paints one picture after the other, whoever asked. All
/// members may be called from any thread.
class PaintWorker {
public:
  virtual ~PaintWorker() = default;
  virtual const PainterInfo &info() const = 0;

  /// Queues the picture and returns at once. Cancelled between steps and blocks.
  virtual void submit(PaintJob job) = 0;
};

/// The engine as the plugin sees it: loaded at first use, so that a registry scan costs nothing.
/// Process-wide; all members may be called from any thread.
class Engine {
public:
  virtual ~Engine() = default;

  /// Cheap checks of the options: files exist, names are known. Error naming the culprit.
  virtual void validate(const ModelOptions &options) const = 0;

  /// Loads the model, or joins a load under way, or returns the loaded one; blocks until then.
  /// `progress` (may be empty) gets 0..1 now and then, on another thread and also after a cancelled
  /// caller got its Error(Cancelled): what it captures must live on its own.
  virtual std::shared_ptr<Worker> open(const ModelOptions &options,
                                       const std::function<void(double)> &progress,
                                       const CancelToken &cancel) = 0;

  /// As the two above, of painters. Clients share a loaded one likewise; each has its pictures
  /// painted by the number of threads that it asked for.
  virtual void validate_painter(const PainterOptions &options) const = 0;
  virtual std::shared_ptr<PaintWorker> open_painter(const PainterOptions &options,
                                                    const std::function<void(double)> &progress,
                                                    const CancelToken &cancel) = 0;

  /// Whether Request::ocr can be answered: Error(Unavailable) without Tesseract, Error(NotFound)
  /// without its language data.
  virtual void check_ocr() const = 0;

  virtual void set_log_sink(LogSink sink) = 0;
};

/// The entry point that the plugin looks up in the engine's library: returns the process-wide
/// engine, owned by the library. `interface_version` must equal kEngineInterface, else nullptr.
constexpr int kEngineInterface = 6;
using EngineEntry = Engine *(*)(int interface_version);
constexpr const char *kEngineEntryName = "vlm_engine";

} // namespace vlm

/// That entry point, for programs that link the library.
extern "C" vlm::Engine *vlm_engine(int interface_version);
