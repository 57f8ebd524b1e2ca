// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace gstvlm
{

/// How the place of a caption behaves that is still to come.
enum class TextPlace {
  Kept,    ///< nothing overtakes it, and it is never thrown away
  Dated,   ///< nothing overtakes it; the oldest go when nobody reads
  Floating ///< GAPs overtake it; the oldest go when nobody reads
};

/// One thing on its way to a text pad.
struct TextItem {
  enum class Kind {
    Pending,
    Text,
    Gap,
    Event,
    Flushed ///< a flush ended: what was pushed before is forgotten
  };
  explicit TextItem (Kind k = Kind::Gap) : kind (k) {}

  Kind kind;
  guint64 ticket = 0;                ///< Pending, Text
  TextPlace place = TextPlace::Kept; ///< Pending, Text
  std::string text;                  ///< Text
  GstClockTime pts = 0,
               end = 0; ///< Text: when it shall show; Gap: what it covers
  Ptr<GstEvent> event;  ///< Event
};

/// What a text pad pushes, in order. A caption's place is reserved when its
/// frame is admitted, so that the order never depends on when the model
/// answers; events never overtake a reserved place. Bounded, whatever comes
/// while nobody reads. All members may be called from any thread; only next(),
/// wait_for_room() and wait_idle() block, and set_flushing(true) and stop() end
/// the first two.
class TextQueue
{
public:
  /// Keeps a place. 0 while flushing.
  guint64 reserve (TextPlace place);

  /// The caption of a place. A place that a flush took away is ignored. False
  /// when the queue was full and the oldest caption was thrown away for it; for
  /// one that is Kept the streaming thread waits until there is room.
  bool fill (guint64 ticket, const std::string &text, GstClockTime pts,
      GstClockTime end);
  /// No caption comes for this place.
  void release (guint64 ticket);

  /// Nothing is said from `start` to `end`. Neighbouring gaps become one.
  void gap (GstClockTime start, GstClockTime end);
  /// Where there is no room a sticky event takes the place of an older one, and
  /// the oldest that is not sticky goes.
  void event (Ptr<GstEvent> event);

  /// Waits until captions can be taken in again, or a flush or stop comes.
  void wait_for_room ();

  enum class Next { Item, Later, Halted };
  /// Waits for the next item, without `patience` for as long as it takes.
  Next next (TextItem &item,
      std::optional<std::chrono::milliseconds> patience = std::nullopt);

  /// What next() gave was dealt with.
  void done ();
  /// Waits for that. False when it takes longer.
  bool wait_idle (std::chrono::milliseconds patience);

  /// True: refuses everything and wakes all waiters. Either drops everything
  /// but the sticky events that survive it; false puts Flushed before them.
  void set_flushing (bool flushing);

  /// As flushing, until start(): the end of a flush does not undo it.
  void stop ();
  void start ();

private:
  bool halted () const { return flushing_ || stopped_; }
  std::deque<TextItem>::iterator first_ready ();
  std::deque<TextItem>::iterator find (guint64 ticket);
  void push (TextItem item);
  void remove (std::deque<TextItem>::iterator place);
  bool remove_replaced ();
  bool remove_oldest (bool (*kind) (const TextItem &));

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<TextItem> items_;
  bool flushing_ = false, stopped_ = true;
  bool busy_ = false; ///< from next() to done()
};

} // namespace gstvlm
