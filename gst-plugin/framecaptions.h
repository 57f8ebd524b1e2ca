// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/gstvlmrecord.h"

#include <memory>
#include <mutex>
#include <vector>

namespace gstvlm
{

/// What frames carry: each record with a text as fresh on the first frame that
/// comes after it, those of the last analysed frame as held on the frames that
/// follow, as stale once they are too old. Any thread.
class FrameCaptions
{
public:
  /// A record with a text was delivered.
  void publish (const CaptionRecord &record);
  /// The same of a stream that is over: no frame will carry it.
  void publish_late (const CaptionRecord &record);
  void reset ();

  /// Writes onto a frame what it has to carry; without `repeat` only fresh
  /// records.
  void annotate (GstBuffer * buffer, GstClockTime interval, bool repeat);

  /// Records that no frame will carry any more; the caller owns them now.
  std::vector<Ptr<GstStructure>> take_late ();
  /// Those, and the ones that wait for the next frame: no more frames come.
  std::vector<Ptr<GstStructure>> take_all ();

  /// How far the last two records are apart; 0 before the second.
  GstClockTime spacing () const;

private:
  using Records = std::vector<Ptr<GstStructure>>;
  Records take_fresh ();
  bool stale (GstClockTime age, GstClockTime interval) const;

  mutable std::mutex mutex_;
  Records fresh_, late_;
  Records held_; ///< of the frame analysed last
  GstClockTime last_pts_ = GST_CLOCK_TIME_NONE;
  GstClockTime spacing_ = 0, last_duration_ = 0;
};

} // namespace gstvlm
