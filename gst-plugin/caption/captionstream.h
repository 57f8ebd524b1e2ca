// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/caption/jobmaker.h"
#include "gst-plugin/caption/windowbuilder.h"
#include "gst-plugin/picture/keptbuffer.h"

#include <atomic>

namespace gstvlm
{

/// What the streaming thread keeps between frames of one stream: which moments
/// there are to ask about. Streaming thread only (or while it is stopped).
class CaptionStream
{
public:
  /// A frame's place in time.
  struct Frame {
    GstClockTime pts, duration;
    bool exact_duration; ///< else a guess
  };

  /// The element starts with these settings.
  void start (const Settings &settings);
  /// A stream begins: whether captions wait is not known yet.
  void reset ();
  void set_segment (const GstSegment &segment);
  /// The same segment again; it may only be further.
  bool continues (const GstSegment &segment) const;
  void set_stream_id (const std::string &id) { state_.id = id; }
  void set_info (const GstVideoInfo &info) { reader_.set_info (info); }
  const GstSegment &segment () const { return state_.segment; }
  const GstVideoInfo &info () const { return reader_.info (); }

  /// Decides the mode at the first frame; `pad` is the video sink pad.
  void resolve_mode (GstVlmCaptionMode mode, GstPad * pad);
  bool live () const { return state_.live; }
  bool async () const { return state_.is_async (); }
  /// Frames wait for their captions; false before that is decided.
  bool sync () const { return !state_.async.value_or (true); }

  /// False without a (sensible) PTS.
  static bool dated (GstBuffer * buffer);
  Frame frame_of (GstBuffer * buffer) const;
  /// A record of the frame alone.
  CaptionRecord record_of (
      GstBuffer * buffer, const Frame &frame, const Settings &settings) const;
  /// Since the start. Any thread.
  struct RegionTotals {
    std::atomic<guint64> left_out{0}, outside{0};
  };
  const RegionTotals &region_totals () const { return region_totals_; }

  /// As those of FrameKeeper.
  void arrived (GstBuffer * buffer) { keeper_.arrived (buffer); }
  void left () { keeper_.left (); }
  Ptr<GstBuffer> keep (GstBuffer * buffer) { return keeper_.keep (buffer); }

  /// What is due when this frame comes: itself, or the windows that it ends. A
  /// moment reads the frame and must be used before it goes.
  std::vector<Moment> due (
      GstBuffer * buffer, const Frame &frame, const Settings &settings);
  /// Windows that end before `pts`, where no frames come until then.
  std::vector<Moment> due_before (GstClockTime pts);
  /// Windows that are not over yet: no more frames come.
  std::vector<Moment> rest ();

  /// Text that is dated by its frame and still to come may begin here.
  GstClockTime text_limit (const Settings &settings) const;

  /// As those of JobMaker.
  std::vector<Job> make_jobs (
      const Moment &moment, const Settings &settings, CaptionQueue &queue)
  {
    return jobs_.make (moment, settings, state_, queue);
  }
  Ptr<GstStructure> analysed (GstClockTime pts, const Settings &settings)
  {
    return jobs_.analysed (pts, settings);
  }

private:
  Moment moment_of (GstBuffer * buffer, const Frame &frame,
      const Schedule::Window &window, const Settings &settings);
  std::vector<Moment> moments_of (std::vector<FrameWindow> windows) const;
  void look (GstBuffer * buffer, GstClockTime pts, const Settings &settings);
  std::vector<RegionPicture> crop (
      GstBuffer * buffer, GstClockTime pts, const Settings &settings);
  GstClockTime wall_clock (GstBuffer * buffer) const;

  StreamState state_;
  FrameReader reader_;
  FrameKeeper keeper_;
  Schedule schedule_;
  WindowBuilder windows_;
  GstClockTime step_ = 0; ///< from window to window
  JobMaker jobs_;
  RegionTotals region_totals_;
};

} // namespace gstvlm
