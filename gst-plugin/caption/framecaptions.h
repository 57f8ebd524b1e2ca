// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/record/gstvlmrecord.h"

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace gstvlm
{

/// Records on their way downstream, in the order of delivery. Those with a text
/// ride on the first frame that comes after them, as fresh; those of the last
/// analysed frame as held on the frames that follow, as stale once they are too
/// old. Those without a text travel as events between the frames. Any thread.
class FrameCaptions
{
public:
  /// A record was delivered.
  void publish (const CaptionRecord &record);
  /// The same of a stream that is over: no frame will carry it.
  void publish_late (const CaptionRecord &record);
  void reset ();

  /// Writes onto a frame what it has to carry; without `repeat` only fresh
  /// records. Call take_events() for the same frame first. `stale_after` 0:
  /// twice what the model can keep up with.
  void annotate (GstBuffer * buffer, GstClockTime stale_after, bool repeat);

  /// Records that go ahead of the next frame; the caller owns them now. Of the
  /// questions about one frame, those without a text go ahead of the others,
  /// which so ride on one frame together.
  std::vector<Ptr<GstStructure>> take_events ();
  /// All that wait: no more frames come.
  std::vector<Ptr<GstStructure>> take_all ();

  /// How far the last two records are apart; 0 before the second.
  GstClockTime spacing () const;

private:
  using Records = std::vector<Ptr<GstStructure>>;
  struct Waiting {
    Ptr<GstStructure> record;
    GstClockTime pts;
    bool rides; ///< on a frame, else it is an event
  };
  Records take_fresh ();
  bool stale (GstClockTime age, GstClockTime stale_after) const;

  mutable std::mutex mutex_;
  std::deque<Waiting> waiting_;
  Records held_; ///< of the frame analysed last
  GstClockTime last_pts_ = GST_CLOCK_TIME_NONE;
  GstClockTime spacing_ = 0, last_duration_ = 0;
};

} // namespace gstvlm
