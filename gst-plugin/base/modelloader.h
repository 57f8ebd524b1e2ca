// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <thread>

namespace gstvlm
{

/// Opens the model off the streaming thread and tells the bus how it goes:
/// progress messages named "open", ended by exactly one of COMPLETE, CANCELED,
/// or an error message and ERROR. The model stays open until release(), so that
/// a restart finds it loaded. State-changing thread only.
class ModelLoader
{
public:
  ~ModelLoader () { cancel (); }

  /// Gets the worker, or null when it could not be opened; not called when the
  /// opening was given up.
  using Loaded = std::function<void (std::shared_ptr<vlm::Worker> worker)>;

  /// Calls `loaded` on a thread of its own; it must not keep the element. An
  /// earlier worker is let go only when the new one is there.
  void start (
      GstElement * element, const vlm::ModelOptions &options, Loaded loaded);

  /// Gives up an opening under way. Does not wait for the model: the engine
  /// lets a cancelled caller go at once, even if the load itself goes on.
  void cancel ();

  void release () { worker_->reset (); }

private:
  std::thread thread_;
  vlm::CancelToken cancel_;
  // Written by the thread, read only when it has ended.
  std::shared_ptr<std::shared_ptr<vlm::Worker>> worker_ =
      std::make_shared<std::shared_ptr<vlm::Worker>> ();
};

} // namespace gstvlm
