// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/generate/promptqueue.h"

#include <functional>

namespace gstvlm
{

/// Gives prompts to the painter and brings pictures back into the queue. The
/// painter may keep it when the element is gone. Any thread.
class PaintFeed : public std::enable_shared_from_this<PaintFeed>
{
public:
  /// Whoever watches pictures come along, on the painter's thread.
  struct Watcher {
    /// Whether the picture shall be shown as it is after this step.
    std::function<bool (const vlm::PaintStep &)> wants;
    std::function<void (
        const Prompt &, const vlm::PaintStep &, const vlm::Image &)>
        show;
  };

  PaintFeed (std::shared_ptr<PromptQueue> queue, Watcher watcher)
      : queue_ (std::move (queue)), watcher_ (std::move (watcher))
  {
  }

  /// Null: lets it go.
  void set_worker (std::shared_ptr<vlm::PaintWorker> worker);
  /// The painter; null when there is none.
  std::shared_ptr<vlm::PaintWorker> worker () const;

  /// Submits the next prompt, if it is time for one. See PromptQueue::take().
  void feed (GstClockTime passed, std::vector<Prompt> &late);

private:
  void watch (const Prompt &prompt, const vlm::PaintStep &step) const;

  std::shared_ptr<PromptQueue> queue_;
  Watcher watcher_;
  mutable std::mutex mutex_;
  std::shared_ptr<vlm::PaintWorker> worker_;
};

} // namespace gstvlm
