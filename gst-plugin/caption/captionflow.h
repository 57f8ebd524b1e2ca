// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/caption/captionstream.h"
#include "gst-plugin/caption/notices.h"

#include <gst/base/gstbasetransform.h>

namespace gstvlm
{

/// Sends what is due on its way to the model, keeps a place for its text, and
/// in sync mode waits for what comes back. Streaming thread only.
class CaptionFlow
{
public:
  /// `element` owns this and the others, which live longer.
  CaptionFlow (GstBaseTransform * element, CaptionStream &stream,
      CaptionQueue &queue, Outlets &outlets, Notices &notices)
      : element_ (element), stream_ (stream), queue_ (queue),
        outlets_ (outlets), notices_ (notices)
  {
  }

  /// Not OK when a failure, a flush or a state change came first.
  GstFlowReturn analyse (
      const std::vector<Moment> &moments, const Settings &settings);
  /// The windows that no frame ends. False when a flush or a state change came
  /// first.
  bool end_windows (const Settings &settings);

  /// Nothing is said from `start` to `end`, as far as that is known.
  void gap (GstClockTime start, GstClockTime end, const Settings &settings);
  /// Of the event that began what is told from now on.
  void set_seqnum (guint32 seqnum) { seqnum_ = seqnum; }
  /// Those that no frame carries go downstream as events.
  void push_records (std::vector<Ptr<GstStructure>> records);

private:
  GstFlowReturn analyse_one (const Moment &moment, const Settings &settings);
  bool admit (
      std::vector<Job> jobs, const Moment &moment, const Settings &settings);
  void asked (const Moment &moment, const Settings &settings);
  GstFlowReturn interrupted () const;

  GstBaseTransform * const element_;
  CaptionStream &stream_;
  CaptionQueue &queue_;
  Outlets &outlets_;
  Notices &notices_;
  guint32 seqnum_ = GST_SEQNUM_INVALID;
};

} // namespace gstvlm
