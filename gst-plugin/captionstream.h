// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/captionqueue.h"
#include "gst-plugin/changegate.h"
#include "gst-plugin/gstvlmsettings.h"
#include "gst-plugin/promptwatch.h"
#include "gst-plugin/schedule.h"
#include "gst-plugin/windowbuilder.h"

#include <atomic>
#include <functional>

namespace gstvlm
{

/// What one set of questions is about: a frame that is due, or the frames of a
/// window that is over.
struct Moment {
  GstClockTime pts, duration; ///< of its records and their texts
  Schedule::Window window;
  GstClockTime wall_clock;
  std::vector<GstClockTime> frames;
  std::shared_ptr<const Tokens> tokens; ///< of a frame; may be null
  /// Called when they are needed only; all may throw.
  std::function<LumaGrid ()> grid;
  std::function<LatePictures ()> images;
  std::function<std::vector<RegionPicture> ()> regions;
};

/// What the streaming thread keeps between frames of one stream, and how it
/// turns moments into jobs. Streaming thread only (or while it is stopped).
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
  void set_stream_id (const std::string &id) { stream_id_ = id; }
  void set_info (const GstVideoInfo &info) { reader_.set_info (info); }
  const GstSegment &segment () const { return segment_; }
  const GstVideoInfo &info () const { return reader_.info (); }

  /// Decides the mode at the first frame; `pad` is the video sink pad.
  void resolve_mode (GstVlmCaptionMode mode, GstPad * pad);
  bool live () const { return live_; }
  bool async () const { return async_.value_or (false); }

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

  /// What is due when this frame comes: itself, or the windows that it ends. A
  /// moment reads the frame and must be used before it goes.
  std::vector<Moment> due (
      GstBuffer * buffer, const Frame &frame, const Settings &settings);
  /// Windows that end before `pts`, where no frames come until then.
  std::vector<Moment> due_before (GstClockTime pts);
  /// Windows that are not over yet: no more frames come.
  std::vector<Moment> rest ();

  /// Text of a synchronous stream that is still to come may begin here.
  GstClockTime text_limit () const;

  /// The jobs of a moment, one per question: analyse, repeat, or settled when
  /// it is dropped or unusable. Where it is analysed, one per region follows.
  std::vector<Job> make_jobs (
      const Moment &moment, const Settings &settings, CaptionQueue &queue);
  /// The jobs of the moment at `pts` went to the model. What is to be posted
  /// about it, if anything.
  Ptr<GstStructure> analysed (GstClockTime pts, const Settings &settings);

private:
  Moment moment_of (GstBuffer * buffer, const Frame &frame,
      const Schedule::Window &window, const Settings &settings);
  std::vector<Moment> moments_of (std::vector<FrameWindow> windows) const;
  void look (GstBuffer * buffer, GstClockTime pts, const Settings &settings);
  std::vector<RegionPicture> crop (
      GstBuffer * buffer, GstClockTime pts, const Settings &settings);
  Job region_job (const RegionPicture &picture, const Moment &moment,
      const Settings &settings) const;
  void add_region_jobs (std::vector<Job> &jobs, const Moment &moment,
      const Settings &settings) const;
  Job make_job (
      const Moment &moment, const Settings &settings, CaptionQueue &queue);
  PromptPlace place_of (const Moment &moment) const;
  bool unchanged (
      const Moment &moment, const Settings &settings, CaptionQueue &queue);
  CaptionRecord make_record (
      const Moment &moment, const Settings &settings) const;
  GstClockTime wall_clock (GstBuffer * buffer) const;

  GstSegment segment_;
  std::string stream_id_;
  FrameReader reader_;
  Schedule schedule_;
  WindowBuilder windows_;
  GstClockTime step_ = 0; ///< from window to window
  ChangeGate gate_;
  PromptWatch prompts_;
  std::optional<LumaGrid> grid_; ///< of the frame last looked at
  std::optional<bool> async_;
  bool live_ = false;
  RegionTotals region_totals_;
};

/// What `auto` stands for.
GstVlmQueuePolicy effective_policy (GstVlmQueuePolicy policy, bool async);

} // namespace gstvlm
