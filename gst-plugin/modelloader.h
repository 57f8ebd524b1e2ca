// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/captionqueue.h"

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

  /// Gives the worker to `queue` once it is there; an earlier one is let go
  /// only then.
  void start (GstElement * element, const vlm::ModelOptions &options,
      std::shared_ptr<CaptionQueue> queue);

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
