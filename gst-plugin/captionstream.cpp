// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/captionstream.h"

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

bool
upstream_is_live (GstPad * pad)
{
  GstQuery * query = gst_query_new_latency ();
  gboolean live = FALSE;
  if (gst_pad_peer_query (pad, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gst_query_unref (query);
  return live;
}

GstClockTime
reference_time (GstBuffer * buffer, GstStaticCaps * reference)
{
  GstCaps * caps = gst_static_caps_get (reference);
  const GstReferenceTimestampMeta * meta =
      gst_buffer_get_reference_timestamp_meta (buffer, caps);
  gst_caps_unref (caps);
  return meta ? meta->timestamp : GST_CLOCK_TIME_NONE;
}

// By itself: it is not asked for twice.
bool
asks_for_prompt (const std::string &question)
{
  return question.find ("<GEN>") != std::string::npos;
}

vlm::Request
make_request (const Settings &settings, vlm::Image image)
{
  vlm::Request request;
  request.images.push_back (std::move (image));
  if (settings.asked ().size () > 1) // what was seen for one serves the others
    request.memory = std::make_shared<vlm::PictureMemory> ();
  request.system = settings.system_prompt;
  request.template_name = settings.template_name;
  request.max_tokens = settings.max_tokens;
  request.sampling = {
      settings.temperature, settings.top_k, settings.top_p, settings.seed};
  return request;
}

} // namespace

GstVlmQueuePolicy
effective_policy (GstVlmQueuePolicy policy, bool async)
{
  if (policy != GST_VLM_QUEUE_POLICY_AUTO)
    return policy;
  return async ? GST_VLM_QUEUE_POLICY_DROP_OLDEST : GST_VLM_QUEUE_POLICY_BLOCK;
}

void
CaptionStream::reset ()
{
  gst_segment_init (&segment_, GST_FORMAT_TIME);
  schedule_.reset (0, false);
  gate_.reset ();
  grid_.reset ();
  async_.reset ();
}

void
CaptionStream::set_segment (const GstSegment &segment)
{
  segment_ = segment;
  schedule_.reset (segment.start, segment.rate < 0);
  gate_.reset ();
}

bool
CaptionStream::resolve_async (GstVlmCaptionMode mode, GstPad * pad)
{
  if (!async_) {
    live_ = upstream_is_live (pad);
    async_ = mode == GST_VLM_CAPTION_MODE_ASYNC ||
             (mode == GST_VLM_CAPTION_MODE_AUTO && live_);
  }
  return *async_;
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

std::optional<Schedule::Window>
CaptionStream::due (const Frame &frame, GstClockTime interval)
{
  return schedule_.due (frame.pts, frame.duration, interval);
}

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
  return live_ ? g_get_real_time () * GST_USECOND : GST_CLOCK_TIME_NONE;
}

CaptionRecord
CaptionStream::make_record (GstBuffer * buffer, const Frame &frame,
    const Schedule::Window &window, const Settings &settings) const
{
  CaptionRecord record;
  record.pts = frame.pts;
  record.duration = window.end - frame.pts;
  record.window_start = window.start;
  record.window_end = window.end;
  record.stream_time =
      gst_segment_to_stream_time (&segment_, GST_FORMAT_TIME, frame.pts);
  record.running_time =
      gst_segment_to_running_time (&segment_, GST_FORMAT_TIME, frame.pts);
  record.wall_clock = wall_clock (buffer);
  record.frames = {frame.pts};
  record.sampling = {
      settings.temperature, settings.top_k, settings.top_p, settings.seed};
  record.max_tokens = settings.max_tokens;
  return record;
}

bool
CaptionStream::unchanged (GstBuffer * buffer, GstClockTime pts,
    const Settings &settings, CaptionQueue &queue)
{
  grid_.reset ();
  if (settings.change_threshold <= 0 || queue.take_reference_lost ())
    gate_.reset ();
  if (settings.change_threshold <= 0)
    return false;
  grid_ = reader_.luma (buffer);
  return gate_.changed (*grid_) < settings.change_threshold &&
         !gate_.silent_too_long (pts, settings.max_silence);
}

Job
CaptionStream::make_job (GstBuffer * buffer, const Frame &frame,
    const Schedule::Window &window, const Settings &settings,
    CaptionQueue &queue)
{
  Job job;
  job.arrival = *async_;
  job.prompts = settings.generate != GST_VLM_GENERATE_NEVER;
  job.record = make_record (buffer, frame, window, settings);
  try {
    settings.check ();
    const GstVlmQueuePolicy policy =
        effective_policy (settings.queue_policy, *async_);
    if (unchanged (buffer, frame.pts, settings, queue)) {
      job.kind = Job::Kind::Repeat;
    } else if (policy == GST_VLM_QUEUE_POLICY_DROP_NEWEST &&
               !queue.has_room (settings.queue_size)) {
      job.kind = Job::Kind::Settled;
      job.record.status = Status::Dropped;
    } else {
      job.request = make_request (settings, reader_.image (buffer));
    }
  } catch (...) {
    job.kind = Job::Kind::Settled;
    job.record.status = Status::Failed;
    job.error = std::current_exception ();
  }
  return job;
}

// The pictures are the same, and so is the memory of what the model sees in them.
std::vector<Job>
CaptionStream::make_jobs (GstBuffer * buffer, const Frame &frame,
    const Schedule::Window &window, const Settings &settings,
    CaptionQueue &queue)
{
  std::vector<Job> jobs (settings.asked ().size (),
      make_job (buffer, frame, window, settings, queue));
  for (size_t i = 0; i < jobs.size (); ++i) {
    if (jobs[i].error)
      continue; // the question itself may be unusable
    const std::string question = settings.asked ()[i];
    jobs[i].record.question = jobs[i].request.question = question;
    jobs[i].request.generate = settings.generate == GST_VLM_GENERATE_ALWAYS &&
                               !asks_for_prompt (question);
    jobs[i].request.cancel = vlm::CancelToken (); // copies share theirs
  }
  return jobs;
}

void
CaptionStream::analysed (GstClockTime pts)
{
  if (grid_)
    gate_.accept (*grid_, pts);
}

} // namespace gstvlm
