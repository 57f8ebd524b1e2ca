// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/captionstream.h"

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

// As pictures_that_fit() counts them, for an answer that is yet to be made.
constexpr size_t kTokenBytes = 2;

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

// Equal as long as earlier answers belong to the same conversation.
std::string
conversation_of (const Settings &settings)
{
  std::string out = settings.template_name + '\n' +
                    settings.system_prompt.value_or ("\n") +
                    settings.json_schema;
  for (const std::string &each : settings.asked ())
    out += '\0' + each;
  return out;
}

vlm::Request
make_request (const Settings &settings)
{
  vlm::Request request = settings.request ();
  if (settings.asked ().size () > 1) // what was seen for one serves the others
    request.memory = std::make_shared<vlm::PictureMemory> ();
  request.json_schema = settings.json_schema;
  request.ocr = settings.ocr;
  request.forget_turns = true;
  return request;
}

// What is left of the model's context is for pictures, as many for each of the
// questions about them.
void
reserve_text (std::vector<Job> &jobs, const Settings &settings)
{
  size_t longest = 0;
  for (const Job &job : jobs)
    longest = std::max (longest,
        job.question.size () + (job.question.needs_previous ()
                                       ? kTokenBytes * settings.max_tokens
                                       : 0));
  for (Job &job : jobs)
    job.text_bytes = longest + settings.system_prompt.value_or ("").size ();
}

} // namespace

GstVlmQueuePolicy
effective_policy (GstVlmQueuePolicy policy, bool async)
{
  if (policy != GST_VLM_QUEUE_POLICY_AUTO)
    return policy;
  return async ? GST_VLM_QUEUE_POLICY_DROP_OLDEST : GST_VLM_QUEUE_POLICY_BLOCK;
}

// ---- time
// -----------------------------------------------------------------------------------------

void
CaptionStream::start (const Settings &settings)
{
  prompts_.reset (settings);
  region_totals_.left_out = region_totals_.outside = 0;
  reset ();
}

void
CaptionStream::reset ()
{
  gst_segment_init (&segment_, GST_FORMAT_TIME);
  schedule_.reset (0, false);
  windows_.reset (0, false);
  gate_.reset ();
  grid_.reset ();
  async_.reset ();
}

void
CaptionStream::set_segment (const GstSegment &segment)
{
  segment_ = segment;
  schedule_.reset (segment.start, segment.rate < 0);
  windows_.reset (segment.start, segment.rate < 0);
  gate_.reset ();
}

bool
CaptionStream::continues (const GstSegment &segment) const
{
  GstSegment before = segment_;
  before.position = segment.position;
  return gst_segment_is_equal (&before, &segment);
}

void
CaptionStream::resolve_mode (GstVlmCaptionMode mode, GstPad * pad)
{
  if (async_)
    return;
  live_ = upstream_is_live (pad);
  async_ = mode == GST_VLM_CAPTION_MODE_ASYNC ||
           (mode == GST_VLM_CAPTION_MODE_AUTO && live_);
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
CaptionStream::text_limit () const
{
  if (async () || segment_.rate < 0)
    return GST_CLOCK_TIME_NONE;
  return windows_.oldest_start ().value_or (GST_CLOCK_TIME_NONE);
}

// ---- moments
// --------------------------------------------------------------------------------------

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
    return LatePictures{std::make_shared<LatePicture> (buffer, reader_.info (),
        async_.value_or (true) ? LatePicture::Keep::Copy
                               : LatePicture::Keep::Share)};
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
    picture.image = std::make_shared<LatePicture> (
        buffer, reader_.info (), LatePicture::Keep::Copy);
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
        buffer, reader_.info (), LatePicture::Keep::Copy, region.place);
    pictures.push_back ({std::move (region), pts, std::move (image)});
  }
  return pictures;
}

// ---- jobs
// -----------------------------------------------------------------------------------------

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
CaptionStream::make_record (
    const Moment &moment, const Settings &settings) const
{
  CaptionRecord record;
  record.pts = moment.pts;
  record.duration = moment.duration;
  record.window_start = moment.window.start;
  record.window_end = moment.window.end;
  record.stream_time =
      gst_segment_to_stream_time (&segment_, GST_FORMAT_TIME, moment.pts);
  record.running_time =
      gst_segment_to_running_time (&segment_, GST_FORMAT_TIME, moment.pts);
  record.wall_clock = moment.wall_clock;
  record.frames = moment.frames;
  record.sampling = {
      settings.temperature, settings.top_k, settings.top_p, settings.seed};
  record.max_tokens = settings.max_tokens;
  return record;
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
  return make_record (moment, settings);
}

PromptPlace
CaptionStream::place_of (const Moment &moment) const
{
  PromptPlace place;
  place.pts = moment.pts;
  place.stream_time =
      gst_segment_to_stream_time (&segment_, GST_FORMAT_TIME, moment.pts);
  place.stream = stream_id_;
  return place;
}

bool
CaptionStream::unchanged (
    const Moment &moment, const Settings &settings, CaptionQueue &queue)
{
  grid_.reset ();
  const bool lost = queue.take_reference_lost ();
  if (settings.change_threshold <= 0 || lost || prompts_.changed (settings))
    gate_.reset ();
  if (settings.change_threshold <= 0)
    return false;
  grid_ = moment.grid ();
  return gate_.changed (*grid_) < settings.change_threshold &&
         !gate_.silent_too_long (moment.pts, settings.max_silence);
}

Job
CaptionStream::make_job (
    const Moment &moment, const Settings &settings, CaptionQueue &queue)
{
  Job job;
  job.arrival = *async_;
  job.prompts = settings.generate != GST_VLM_GENERATE_NEVER;
  job.history = settings.history;
  job.conversation = conversation_of (settings);
  job.record = make_record (moment, settings);
  try {
    settings.check ();
    const GstVlmQueuePolicy policy =
        effective_policy (settings.queue_policy, *async_);
    if (unchanged (moment, settings, queue)) {
      job.kind = Job::Kind::Repeat;
    } else if (policy == GST_VLM_QUEUE_POLICY_DROP_NEWEST &&
               !queue.has_room (settings.queue_size)) {
      job.kind = Job::Kind::Settled;
      job.record.status = Status::Dropped;
    } else {
      job.request = make_request (settings);
      job.images = moment.images ();
      job.tokens = moment.tokens;
    }
  } catch (...) {
    job.kind = Job::Kind::Settled;
    job.record.status = Status::Failed;
    job.error = std::current_exception ();
  }
  return job;
}

// The pictures are the same, and so is the memory of what the model sees in
// them.
std::vector<Job>
CaptionStream::make_jobs (
    const Moment &moment, const Settings &settings, CaptionQueue &queue)
{
  const std::vector<std::string> asked = settings.asked ();
  std::vector<Job> jobs (asked.size (), make_job (moment, settings, queue));
  for (size_t i = 0; i < jobs.size (); ++i) {
    if (jobs[i].error)
      continue; // the question itself may be unusable
    jobs[i].prompt = asked[i];
    jobs[i].question = fill (asked[i], place_of (moment));
    jobs[i].record.question = jobs[i].question.with ("");
    jobs[i].request.generate = settings.adds_prompt_to (asked[i]);
    jobs[i].request.cancel = vlm::CancelToken (); // copies share theirs
  }
  reserve_text (jobs, settings);
  if (jobs.front ().kind == Job::Kind::Analyse)
    add_region_jobs (jobs, moment, settings);
  return jobs;
}

// The last answer is that about the last thing of its kind.
Job
CaptionStream::region_job (const RegionPicture &picture, const Moment &moment,
    const Settings &settings) const
{
  Job job;
  job.arrival = *async_;
  job.prompts = settings.generate != GST_VLM_GENERATE_NEVER;
  job.prompt = settings.region_prompt + "\n" + picture.region.label;
  PromptPlace place = place_of (moment);
  place.label = picture.region.label;
  job.question = fill (settings.region_prompt, place);
  job.record = make_record (moment, settings);
  job.record.frames = {picture.pts};
  job.record.region = picture.region;
  job.record.question = job.question.with ("");
  job.request = make_request (settings);
  job.request.generate = settings.adds_prompt_to (settings.region_prompt);
  job.request.memory = nullptr; // of another picture
  job.images = {picture.image};
  return job;
}

void
CaptionStream::add_region_jobs (std::vector<Job> &jobs, const Moment &moment,
    const Settings &settings) const
{
  try {
    for (const RegionPicture &picture : moment.regions ())
      jobs.push_back (region_job (picture, moment, settings));
  } catch (...) {
    Job job;
    job.kind = Job::Kind::Settled;
    job.record = make_record (moment, settings);
    job.record.status = Status::Failed;
    job.error = std::current_exception ();
    jobs.push_back (std::move (job));
  }
}

Ptr<GstStructure>
CaptionStream::analysed (GstClockTime pts, const Settings &settings)
{
  if (grid_)
    gate_.accept (*grid_, pts);
  return prompts_.asked (settings, pts);
}

} // namespace gstvlm
