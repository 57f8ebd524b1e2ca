// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/caption/captionstream.h"

#include <atomic>

namespace gstvlm
{

/// What an element tells its application about analyses that did not go as they
/// might have, without repeating itself. Call without holding any lock.
class Notices
{
public:
  /// `element` owns this.
  explicit Notices (GstElement * element) : element_ (element) {}

  /// At a start: everything is news again.
  void reset ();

  // Any thread.

  /// Warns once when the model's context had no room for frames of a window.
  void left_out (const Job &job);
  /// Warns once when an answer took longer than `latency` promises.
  void late (const Job &job);
  /// Warns once when a request pad dropped something that nobody read.
  void unread ();
  /// Warns at most once a second.
  void failed (const Failure &failure) { failures_.post (element_, failure); }
  /// Tells which failures were held back.
  void finish () { failures_.finish (element_); }

  // Streaming thread only.

  void new_stream () { warned_undated_ = false; }
  /// Warns once in a stream about frames without PTS.
  void undated ();
  /// Warns once when a region has nothing of the picture.
  void regions (const CaptionStream::RegionTotals &totals);
  /// Makes a QoS message about a moment that was dropped, at most one a second;
  /// the counters in it are complete.
  void dropped (const Moment &moment, const CaptionStream &stream,
      const Counters &counters);
  /// Posts what dropped() made. To be called when a frame or an event was
  /// pushed: a message wakes who reads the bus, and live video would wait for a
  /// processor behind it.
  void after_push ();

private:
  GstElement * const element_;
  Warnings failures_;
  std::atomic<bool> warned_left_out_{false}, warned_late_{false},
      warned_unread_{false};
  bool warned_undated_ = false, warned_outside_ = false;
  gint64 last_qos_ = 0; ///< monotonic time
  Ptr<GstMessage>
      qos_; ///< none from one push to the next: it holds the element
};

} // namespace gstvlm
