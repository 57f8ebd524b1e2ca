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
  /// Called on the painter's thread after each step.
  using Step = std::function<void (const Prompt &, const vlm::PaintStep &)>;

  PaintFeed (std::shared_ptr<PromptQueue> queue, Step step)
      : queue_ (std::move (queue)), step_ (std::move (step))
  {
  }

  /// Null: lets it go.
  void set_worker (std::shared_ptr<vlm::PaintWorker> worker);
  /// The painter; null when there is none.
  std::shared_ptr<vlm::PaintWorker> worker () const;

  /// Submits the next prompt, if it is time for one. See PromptQueue::take().
  void feed (GstClockTime passed, std::vector<Prompt> &late);

private:
  std::shared_ptr<PromptQueue> queue_;
  Step step_;
  mutable std::mutex mutex_;
  std::shared_ptr<vlm::PaintWorker> worker_;
};

} // namespace gstvlm
