// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <thread>

namespace gstvlm
{

/// Opens a model off the streaming thread and tells the bus how it goes:
/// progress messages named "open", ended by exactly one of COMPLETE, CANCELED,
/// or an error message and ERROR. The model stays open until release(), so that
/// a restart finds it loaded. State-changing thread only.
class Loader
{
public:
  ~Loader () { cancel (); }

  using Opened = std::shared_ptr<void>;
  using Open =
      std::function<Opened (const std::function<void (double)> &progress,
          const vlm::CancelToken &cancel)>;
  /// Gets what was opened, or null when it could not be; not called when the
  /// opening was given up.
  using Loaded = std::function<void (Opened)>;

  /// Calls `open` and `loaded` on a thread of its own; they must not keep the
  /// element. What was open is let go only when the new one is there.
  void start (GstElement * element, Open open, Loaded loaded);

  /// Gives up an opening under way. Does not wait for the model: the engine
  /// lets a cancelled caller go at once, even if the load itself goes on.
  void cancel ();

  void release () { opened_->reset (); }

private:
  std::thread thread_;
  vlm::CancelToken cancel_;
  // Written by the thread, read only when it has ended.
  std::shared_ptr<Opened> opened_ = std::make_shared<Opened> ();
};

/// Of models that see.
class ModelLoader : public Loader
{
public:
  using Loaded = std::function<void (std::shared_ptr<vlm::Worker> worker)>;
  void start (
      GstElement * element, const vlm::ModelOptions &options, Loaded loaded);
};

/// Of models that paint.
class PainterLoader : public Loader
{
public:
  using Loaded = std::function<void (std::shared_ptr<vlm::PaintWorker> worker)>;
  void start (
      GstElement * element, const vlm::PainterOptions &options, Loaded loaded);
};

} // namespace gstvlm
