// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/captionqueue.h"
#include "gst-plugin/changegate.h"
#include "gst-plugin/gstvlmsettings.h"
#include "gst-plugin/schedule.h"

namespace gstvlm
{

/// What the streaming thread keeps between frames of one stream, and how it
/// turns a frame into a job. Streaming thread only (or while it is stopped).
class CaptionStream
{
public:
  /// A frame's place in time.
  struct Frame {
    GstClockTime pts, duration;
    bool exact_duration; ///< else a guess
  };

  /// A stream begins: whether captions wait is not known yet.
  void reset ();
  void set_segment (const GstSegment &segment);
  void set_info (const GstVideoInfo &info) { reader_.set_info (info); }
  const GstSegment &segment () const { return segment_; }

  /// Decides the mode at the first frame; `pad` is the video sink pad.
  bool resolve_async (GstVlmCaptionMode mode, GstPad * pad);
  bool live () const { return live_; }

  /// False without a (sensible) PTS.
  static bool dated (GstBuffer * buffer);
  Frame frame_of (GstBuffer * buffer) const;
  std::optional<Schedule::Window> due (
      const Frame &frame, GstClockTime interval);

  /// The jobs of a due frame, one per question: analyse, repeat, or settled
  /// when it is dropped or unusable.
  std::vector<Job> make_jobs (GstBuffer * buffer, const Frame &frame,
      const Schedule::Window &window, const Settings &settings,
      CaptionQueue &queue);
  /// The job of the frame at `pts` went to the model.
  void analysed (GstClockTime pts);

private:
  Job make_job (GstBuffer * buffer, const Frame &frame,
      const Schedule::Window &window, const Settings &settings,
      CaptionQueue &queue);
  bool unchanged (GstBuffer * buffer, GstClockTime pts,
      const Settings &settings, CaptionQueue &queue);
  CaptionRecord make_record (GstBuffer * buffer, const Frame &frame,
      const Schedule::Window &window, const Settings &settings) const;
  GstClockTime wall_clock (GstBuffer * buffer) const;

  GstSegment segment_;
  FrameReader reader_;
  Schedule schedule_;
  ChangeGate gate_;
  std::optional<LumaGrid> grid_; ///< of the frame last looked at
  std::optional<bool> async_;
  bool live_ = false;
};

/// What `auto` stands for.
GstVlmQueuePolicy effective_policy (GstVlmQueuePolicy policy, bool async);

} // namespace gstvlm
