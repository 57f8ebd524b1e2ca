// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/generate/paintfeed.h"
#include "gst-plugin/generate/picturewriter.h"
#include "gst-plugin/generate/timeline.h"
#include "gst-plugin/settings/generatesettings.h"
#include "gst-plugin/text/stickyevents.h"

#include <atomic>

namespace gstvlm
{

/// The source pad's task: takes from the queue, paints one picture ahead, and
/// pushes pictures, GAPs and events in order. For the task only, but for
/// reset(), which may be called while it is stopped, and what says otherwise.
class PictureOutlet
{
public:
  PictureOutlet (GstElement * element, GstPad * pad,
      std::shared_ptr<PromptQueue> queue, std::shared_ptr<PaintFeed> feed)
      : element_ (element), pad_ (pad), queue_ (std::move (queue)),
        feed_ (std::move (feed))
  {
  }

  /// Forgets stream and caps, as at a start.
  void reset ();
  /// One item. False when the task shall pause.
  bool step (const GenerateSettings &settings);

  /// Submits the next prompt, and tells of those that were over. Any thread.
  void feed ();
  /// Tells that a prompt was left out; at most one message a second. Any
  /// thread.
  void post_qos (const Prompt &prompt);

  /// Any thread.
  void set_live (bool live) { live_ = live; }
  bool live () const { return live_; }
  /// Downstream has no use for anything that was over at this running time. Any
  /// thread.
  void set_earliest (GstClockTime running_time) { earliest_ = running_time; }
  guint64 frames () const { return frames_; }
  Warnings &warnings () { return warnings_; }

private:
  void flush ();                             ///< forgets what a flush does
  GstEvent * stamp (GstEvent * event) const; ///< as caused by the segment
  GstFlowReturn handle (PromptItem &item, const GenerateSettings &settings);
  GstFlowReturn handle_event (Ptr<GstEvent> event);
  GstFlowReturn settled (PromptItem &item, const GenerateSettings &settings);
  void tell_cut (
      const vlm::PaintRequest &request, const vlm::Painting &painting);
  GstFlowReturn show (PromptItem item, const GenerateSettings &settings);
  void draw ();
  void forget_picture ();
  GstFlowReturn repeat_until (GstClockTime end);
  GstFlowReturn push_frame (GstClockTime start, GstClockTime duration);
  void push_gap (GstClockTime start, GstClockTime end);
  GstFlowReturn pass_time (const GenerateSettings &settings);
  std::optional<std::chrono::milliseconds> patience (
      const GenerateSettings &settings) const;
  bool repeats (const GenerateSettings &settings) const;
  GstFlowReturn negotiate ();
  void open_stream ();
  void release_held ();
  bool ended (GstFlowReturn flow);
  GstClockTime running_time () const;

  GstElement * element_;
  GstPad * pad_;
  std::shared_ptr<PromptQueue> queue_;
  std::shared_ptr<PaintFeed> feed_;

  PictureWriter writer_;
  Timeline timeline_;
  StickyEvents held_;                   ///< that must follow the caps
  guint32 seqnum_ = GST_SEQNUM_INVALID; ///< of the segment
  std::unique_ptr<PromptItem> shown_;   ///< the last prompt and its painting
  Ptr<GstBuffer> picture_;              ///< of it, for the caps
  GstClockTime first_ = 0;              ///< its first frame
  guint64 next_frame_ = 0;              ///< of it
  bool discontinuity_ = true;
  std::string told_negative_; ///< the negative prompt that was told to be cut

  std::atomic<bool> live_{false};
  std::atomic<GstClockTime> earliest_{0};
  std::atomic<guint64> frames_{0};
  std::atomic<gint64> last_qos_{0}; ///< monotonic time
  Warnings warnings_;
};

} // namespace gstvlm
