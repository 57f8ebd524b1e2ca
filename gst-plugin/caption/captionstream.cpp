// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/captionstream.h"

#include "gst-plugin/base/upstream.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

// For frames of unknown length.
constexpr GstClockTime kNominalFrame = GST_SECOND / 25;

// Sums of two such times stay inside 64 bits.
constexpr GstClockTime kLongestTime = G_MAXINT64;

constexpr GstClockTime kUnixToNtp =
    G_GUINT64_CONSTANT (2208988800) * GST_SECOND;

GstClockTime
reference_time (GstBuffer * buffer, GstStaticCaps * reference)
{
  GstCaps * caps = gst_static_caps_get (reference);
  const GstReferenceTimestampMeta * meta =
      gst_buffer_get_reference_timestamp_meta (buffer, caps);
  gst_caps_unref (caps);
  return meta ? meta->timestamp : GST_CLOCK_TIME_NONE;
}

} // namespace

// Time

void
CaptionStream::start (const Settings &settings)
{
  jobs_.start (settings);
  region_totals_.left_out = region_totals_.outside = 0;
  reset ();
}

void
CaptionStream::reset ()
{
  gst_segment_init (&state_.segment, GST_FORMAT_TIME);
  schedule_.reset (0, false);
  windows_.reset (0, false);
  jobs_.forget ();
  state_.async.reset ();
}

void
CaptionStream::set_segment (const GstSegment &segment)
{
  state_.segment = segment;
  schedule_.reset (segment.start, segment.rate < 0);
  windows_.reset (segment.start, segment.rate < 0);
  jobs_.forget ();
}

bool
CaptionStream::continues (const GstSegment &segment) const
{
  GstSegment before = state_.segment;
  before.position = segment.position;
  return gst_segment_is_equal (&before, &segment);
}

void
CaptionStream::resolve_mode (GstVlmCaptionMode mode, GstPad * pad)
{
  if (state_.async)
    return;
  state_.live = upstream_is_live (pad);
  state_.async = mode == GST_VLM_CAPTION_MODE_ASYNC ||
                 (mode == GST_VLM_CAPTION_MODE_AUTO && state_.live);
}

bool
CaptionStream::dated (GstBuffer * buffer)
{
  return GST_BUFFER_PTS (buffer) <= kLongestTime;
}

CaptionStream::Frame
CaptionStream::frame_of (GstBuffer * buffer) const
{
  const GstVideoInfo &info = reader_.info ();
  const GstClockTime pts = GST_BUFFER_PTS (buffer);
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    return {pts, MIN (GST_BUFFER_DURATION (buffer), kLongestTime), true};
  const gint n = GST_VIDEO_INFO_FPS_N (&info), d = GST_VIDEO_INFO_FPS_D (&info);
  if (n > 0 && d > 0)
    return {pts, gst_util_uint64_scale_int (GST_SECOND, d, n), true};
  return {pts, kNominalFrame, false};
}

// Behind it the text pad is told that nothing comes.
GstClockTime
CaptionStream::text_limit (const Settings &settings) const
{
  if (state_.text_place (settings) == TextPlace::Floating ||
      state_.segment.rate < 0)
    return GST_CLOCK_TIME_NONE;
  return windows_.oldest_start ().value_or (GST_CLOCK_TIME_NONE);
}

// Moments

// Of the moment the frame was taken: as the source says, or now when it is
// being taken.
GstClockTime
CaptionStream::wall_clock (GstBuffer * buffer) const
{
  static GstStaticCaps unix_caps = GST_STATIC_CAPS ("timestamp/x-unix");
  static GstStaticCaps ntp_caps = GST_STATIC_CAPS ("timestamp/x-ntp");
  const GstClockTime unix_time = reference_time (buffer, &unix_caps);
  if (GST_CLOCK_TIME_IS_VALID (unix_time))
    return unix_time;
  const GstClockTime ntp_time = reference_time (buffer, &ntp_caps);
  if (GST_CLOCK_TIME_IS_VALID (ntp_time) && ntp_time >= kUnixToNtp)
    return ntp_time - kUnixToNtp;
  return state_.live ? g_get_real_time () * GST_USECOND : GST_CLOCK_TIME_NONE;
}

CaptionRecord
CaptionStream::record_of (
    GstBuffer * buffer, const Frame &frame, const Settings &settings) const
{
  Moment moment;
  moment.pts = frame.pts;
  moment.duration = frame.duration;
  moment.window = {frame.pts, frame.pts + frame.duration};
  moment.wall_clock = wall_clock (buffer);
  moment.frames = {frame.pts};
  return gstvlm::record_of (moment, settings, state_);
}

std::vector<Moment>
CaptionStream::due (
    GstBuffer * buffer, const Frame &frame, const Settings &settings)
{
  if (settings.window > 0) {
    std::vector<Moment> ended = due_before (frame.pts);
    look (buffer, frame.pts, settings);
    return ended;
  }
  const auto window =
      schedule_.due (frame.pts, frame.duration, settings.interval);
  if (!window)
    return {};
  return {moment_of (buffer, frame, *window, settings)};
}

std::vector<Moment>
CaptionStream::due_before (GstClockTime pts)
{
  return moments_of (windows_.take_ended (pts));
}

std::vector<Moment>
CaptionStream::rest ()
{
  return moments_of (windows_.take_all ());
}

Moment
CaptionStream::moment_of (GstBuffer * buffer, const Frame &frame,
    const Schedule::Window &window, const Settings &settings)
{
  Moment moment;
  moment.pts = frame.pts;
  moment.duration = window.end - frame.pts;
  moment.window = window;
  moment.wall_clock = wall_clock (buffer);
  moment.frames = {frame.pts};
  moment.tokens = tokens_of (buffer);
  moment.grid = [this, buffer] { return reader_.luma (buffer); };
  moment.images = [this, buffer] {
    return LatePictures{
        std::make_shared<LatePicture> (keep (buffer), reader_.info ())};
  };
  moment.regions = [this, buffer, pts = frame.pts, &settings] {
    return crop (buffer, pts, settings);
  };
  return moment;
}

// A window speaks about all of its time, but its text shows until the next one
// begins.
std::vector<Moment>
CaptionStream::moments_of (std::vector<FrameWindow> windows) const
{
  std::vector<Moment> moments;
  for (FrameWindow &each : windows) {
    Moment moment;
    moment.pts = each.start;
    moment.duration = step_;
    moment.gathered = each.end - each.start;
    moment.window = {each.start, each.end};
    moment.wall_clock = each.pictures.empty ()
                            ? GST_CLOCK_TIME_NONE
                            : each.pictures.front ().wall_clock;
    for (const Picture &picture : each.pictures)
      moment.frames.push_back (picture.pts);
    const auto window = std::make_shared<FrameWindow> (std::move (each));
    moment.grid = [window] {
      if (window->error)
        std::rethrow_exception (window->error);
      return window->pictures.front ().grid;
    };
    moment.images = [window] {
      if (window->error)
        std::rethrow_exception (window->error);
      LatePictures images;
      for (Picture &picture : window->pictures)
        images.push_back (std::move (picture.image));
      return images;
    };
    moment.regions = [window] { return window->pictures.front ().regions; };
    moments.push_back (std::move (moment));
  }
  return moments;
}

// A frame that several windows need is converted once.
void
CaptionStream::look (
    GstBuffer * buffer, GstClockTime pts, const Settings &settings)
{
  step_ = settings.window - settings.overlap;
  if (!windows_.needs (pts, {settings.window, step_, settings.frames}))
    return;
  try {
    Picture picture;
    picture.pts = pts;
    picture.wall_clock = wall_clock (buffer);
    picture.grid = reader_.luma (buffer);
    picture.image =
        std::make_shared<LatePicture> (keep (buffer), reader_.info ());
    picture.regions = crop (buffer, pts, settings);
    windows_.add (picture);
  } catch (...) {
    windows_.add_error (pts, std::current_exception ());
  }
}

std::vector<RegionPicture>
CaptionStream::crop (
    GstBuffer * buffer, GstClockTime pts, const Settings &settings)
{
  if (settings.region_prompt.empty ())
    return {};
  VisibleRegions found = visible_regions (
      detections (buffer), reader_.visible (buffer), settings.max_regions);
  region_totals_.left_out += found.left_out;
  region_totals_.outside += found.outside;
  std::vector<RegionPicture> pictures;
  for (Region &region : found.regions) {
    auto image = std::make_shared<LatePicture> (
        keep (buffer), reader_.info (), region.place);
    pictures.push_back ({std::move (region), pts, std::move (image)});
  }
  return pictures;
}

} // namespace gstvlm
