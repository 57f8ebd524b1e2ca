// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/deliverer.h"
#include "gst-plugin/base/gstptr.h"
#include "model/engine/engine.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gstvlm
{

/// A text on its way to become a picture.
struct Prompt {
  guint64 id = 0; ///< from 1, in the order they came
  std::string text;
  GstClockTime pts = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
  GstClockTime over = GST_CLOCK_TIME_NONE; ///< running time of its end
  bool called = false;       ///< by the action or the event, not by the stream
  vlm::PaintRequest request; ///< settings as they were when it came
};

/// One thing on its way to the source pad.
struct PromptItem {
  enum class Kind {
    Waiting,  ///< a prompt
    Painting, ///< a prompt that the painter has
    Settled,  ///< a prompt with its picture, or with why there is none
    Gap,
    Event
  };
  explicit PromptItem (Kind k) : kind (k) {}

  Kind kind;
  Prompt prompt;
  vlm::CancelToken cancel; ///< of the painting
  std::unique_ptr<vlm::Painting> painting;
  std::exception_ptr error;
  GstClockTime start = 0, end = 0; ///< Gap
  Ptr<GstEvent> event;
};

/// Prompts, GAPs and events in the order in which they came, which is that of
/// what leaves: nothing overtakes a picture. All members may be called from any
/// thread; only admit() and next() block, and set_flushing(true), finish() and
/// stop() end both.
class PromptQueue
{
public:
  enum class Policy { Block, DropOldest, DropNewest };

  struct Counters {
    guint64 prompts = 0, painted = 0, dropped = 0, late = 0, failed = 0;
    guint64 flushed = 0; ///< forgotten by a flush or a stop
    guint64 waiting = 0; ///< now
    GstClockTime last_time = 0, total_time = 0;
  };

  /// A prompt of the stream, of which at most `size` wait. When it or another
  /// had no room, `dropped` gets that one, and a GAP takes its place. Block
  /// waits for room.
  GstFlowReturn admit (Prompt prompt, size_t size, Policy policy,
      std::optional<Prompt> &dropped);
  /// A prompt of the application, of which at most `most` wait. Returns why it
  /// was refused, null if it was not.
  const char * call (Prompt prompt, size_t most);
  void gap (GstClockTime start, GstClockTime end);
  void event (Ptr<GstEvent> event);

  /// The next prompt for the painter, one picture ahead of what is pushed: none
  /// while one is painted or waits to be pushed. Those that were over at the
  /// running time `passed` become GAPs and are added to `late`.
  struct Given {
    Prompt prompt;
    vlm::CancelToken cancel;
  };
  std::optional<Given> take (GstClockTime passed, std::vector<Prompt> &late);
  /// What became of it. Ignored when a flush took it away.
  void settle (guint64 id, std::unique_ptr<vlm::Painting> painting,
      std::exception_ptr error, std::chrono::nanoseconds taken);

  /// Runs `show`, for what the application hears while it is painted; not when
  /// a flush took it away.
  void deliver (guint64 id, const std::function<void ()> &show);

  enum class Next {
    Item,
    Unsized, ///< a picture or GAP is next, but set_size() was not called
    Later,   ///< nothing in the given time
    Flushed, ///< a flush ended: what left before is forgotten
    Halted
  };
  /// Waits for what can leave; prompts and GAPs cannot before the painter is
  /// there. Without `patience`, for as long as it takes.
  Next next (
      PromptItem &out, std::optional<std::chrono::milliseconds> patience);

  void set_painter_ready ();
  /// There will be no painter: halted until start().
  void set_painter_failed ();
  /// Of pictures from now on. 0: to be found out again.
  void set_size (int width, int height);

  /// True: refuses everything and wakes all waiters. Either cancels the
  /// painting and drops everything but the sticky events that survive it.
  void set_flushing (bool flushing);
  /// Likewise, until the next flush or start: the stream gets `flow`.
  void finish (GstFlowReturn flow);
  /// As flushing, until start(): the end of a flush does not undo it. The first
  /// of several lets deliver()'s handlers return, see Deliverer.
  void stop ();
  /// Forgets counters, size and painter, too.
  void start ();

  Counters counters ();

private:
  bool halted () const { return flow () != GST_FLOW_OK; }
  GstFlowReturn flow () const
  {
    if (stopped_)
      return GST_FLOW_FLUSHING;
    return failed_ ? GST_FLOW_ERROR : flow_;
  }
  std::deque<PromptItem>::iterator painted (guint64 id);
  size_t waiting (bool called) const;
  void forget (bool (*which) (const PromptItem &) = nullptr);
  void leave_out (std::deque<PromptItem>::iterator item);
  void add_gap (GstClockTime start, GstClockTime end);
  bool ready () const;

  std::mutex mutex_;
  std::condition_variable changed_;
  Deliverer deliverer_;
  std::deque<PromptItem> items_;
  Counters counters_;
  GstFlowReturn flow_ = GST_FLOW_OK;
  bool stopped_ = true, ended_ = false, painter_ = false, failed_ = false;
  bool flushed_ = false;       ///< next() has not said so yet
  int width_ = 0, height_ = 0; ///< 0: not known
};

} // namespace gstvlm
