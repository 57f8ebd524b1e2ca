// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/ask/askqueue.h"
#include "gst-plugin/ask/lookback.h"
#include "gst-plugin/settings/gstvlmsettings.h"

namespace gstvlm
{

constexpr const char * kAskEvent = "vlmcaption/ask";
constexpr const char * kCancelEvent = "vlmcaption/cancel";

/// Questions at run time about the newest frame or a past one, by call or by
/// event. Any thread, where nothing else is said.
class Asking
{
public:
  struct Question {
    std::string text;
    guint64 id = 0;                         ///< 0: any
    GstClockTime pts = GST_CLOCK_TIME_NONE; ///< none: the newest frame
  };

  explicit Asking (AskQueue::Deliver deliver)
      : queue_ (std::make_shared<AskQueue> (std::move (deliver)))
  {
  }

  const std::shared_ptr<AskQueue> &queue () { return queue_; }

  void start () { queue_->start (); }
  void stop () { queue_->stop (); }
  /// After stop(), when no frames come any more.
  void forget ();
  /// Questions go on about the pictures that they have; new ones are about what
  /// comes.
  void flush ();
  /// The times of past frames mean nothing any more.
  void new_stream () { look_back_.reset (); }
  /// No more frames come.
  void end ();
  /// Call for every frame, as a FrameKeeper gave it, before anybody waits for
  /// it. Streaming thread.
  void frame (Ptr<GstBuffer> frame, const GstVideoInfo &info,
      CaptionRecord moment, const LookBack::Limits &look_back);

  /// Returns the id; throws Error naming what is wrong with the question or the
  /// settings, or why it is refused.
  guint64 ask (const Question &question, const Settings &settings);
  void cancel (guint64 id) { queue_->cancel (id); }

  /// True for the events above.
  static bool concerns (GstEvent * event);
  /// Does what such an event says, once if it comes by several ways. Throws as
  /// ask().
  void handle (GstEvent * event, const Settings &settings);

private:
  void give ();
  bool seen (GstEvent * event);

  const std::shared_ptr<AskQueue> queue_;
  NewestFrame newest_;
  LookBack look_back_;

  std::mutex mutex_;
  guint32 seqnum_ = GST_SEQNUM_INVALID; ///< of the last event
};

} // namespace gstvlm
