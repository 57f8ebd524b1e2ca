// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/jobmaker.h"

#include "gst-plugin/settings/settingschecks.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

// As pictures_that_fit() counts them, for an answer that is yet to be made.
constexpr size_t kTokenBytes = 2;

// Beyond it nobody waits, and the clock's sums stay inside 64 bits.
constexpr GstClockTime kNoDeadline = 365 * 24 * 3600 * GST_SECOND;

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

PromptPlace
place_of (const Moment &moment, const StreamState &stream)
{
  PromptPlace place;
  place.pts = moment.pts;
  place.stream_time =
      gst_segment_to_stream_time (&stream.segment, GST_FORMAT_TIME, moment.pts);
  place.stream = stream.id;
  return place;
}

// What jobs of frames and of regions have in common.
Job
new_job (
    const Moment &moment, const Settings &settings, const StreamState &stream)
{
  Job job;
  job.text_place = stream.text_place (settings);
  if (stream.live && job.text_place != TextPlace::Floating)
    job.latency = settings.latency;
  job.gathered = moment.gathered;
  job.prompts = settings.generate != GST_VLM_GENERATE_MODE_NEVER;
  job.record = record_of (moment, settings, stream);
  return job;
}

// An answer that comes later than it was promised is of no use, nor is one
// about an old frame where a newer one waits. A stream that waits for room
// loses nothing.
std::optional<Job::Clock::time_point>
deadline_of (
    const Job &job, const Settings &settings, const StreamState &stream)
{
  if (!stream.live || !stream.is_async () ||
      effective_policy (settings.queue_policy, true) ==
          GST_VLM_QUEUE_POLICY_BLOCK)
    return std::nullopt;
  const bool promised =
      GST_CLOCK_TIME_IS_VALID (job.latency) && job.latency > job.gathered;
  const GstClockTime wait =
      promised ? job.latency - job.gathered : settings.longest_wait ();
  if (wait == 0 || wait > kNoDeadline)
    return std::nullopt;
  return job.admitted + std::chrono::nanoseconds (wait);
}

// The last answer is that about the last thing of its kind.
Job
region_job (const RegionPicture &picture, const Moment &moment,
    const Settings &settings, const StreamState &stream)
{
  Job job = new_job (moment, settings, stream);
  job.prompt = settings.region_prompt + "\n" + picture.region.label;
  PromptPlace place = place_of (moment, stream);
  place.label = picture.region.label;
  job.question = fill (settings.region_prompt, place);
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
add_region_jobs (std::vector<Job> &jobs, const Moment &moment,
    const Settings &settings, const StreamState &stream)
{
  try {
    for (const RegionPicture &picture : moment.regions ())
      jobs.push_back (region_job (picture, moment, settings, stream));
  } catch (...) {
    Job job = new_job (moment, settings, stream);
    job.fail (std::current_exception ());
    job.record.question =
        fill (settings.region_prompt, place_of (moment, stream)).with ("");
    jobs.push_back (std::move (job));
  }
}

} // namespace

GstVlmQueuePolicy
effective_policy (GstVlmQueuePolicy policy, bool async)
{
  if (policy != GST_VLM_QUEUE_POLICY_AUTO)
    return policy;
  return async ? GST_VLM_QUEUE_POLICY_DROP_OLDEST : GST_VLM_QUEUE_POLICY_BLOCK;
}

// Late text of live video takes its time from when it comes, unless the
// pipeline was told to wait for it.
TextPlace
StreamState::text_place (const Settings &settings) const
{
  if (!is_async ())
    return TextPlace::Kept;
  return settings.latency > 0 ? TextPlace::Dated : TextPlace::Floating;
}

CaptionRecord
record_of (
    const Moment &moment, const Settings &settings, const StreamState &stream)
{
  CaptionRecord record;
  record.pts = moment.pts;
  record.duration = moment.duration;
  record.window_start = moment.window.start;
  record.window_end = moment.window.end;
  record.stream_time =
      gst_segment_to_stream_time (&stream.segment, GST_FORMAT_TIME, moment.pts);
  record.running_time = gst_segment_to_running_time (
      &stream.segment, GST_FORMAT_TIME, moment.pts);
  record.wall_clock = moment.wall_clock;
  record.frames = moment.frames;
  record.sampling = {
      settings.temperature, settings.top_k, settings.top_p, settings.seed};
  record.max_tokens = settings.max_tokens;
  return record;
}

void
JobMaker::start (const Settings &settings)
{
  prompts_.reset (settings);
  checked_ = settings.version;
  forget ();
}

void
JobMaker::forget ()
{
  gate_.reset ();
  grid_.reset ();
}

bool
JobMaker::unchanged (
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

// Once: to read a schema, for example, takes a while.
void
JobMaker::check_changed (const Settings &settings)
{
  if (settings.version == checked_)
    return;
  check (settings);
  checked_ = settings.version;
}

std::exception_ptr
JobMaker::refusal (const Settings &settings)
{
  try {
    check_changed (settings);
  } catch (...) {
    return std::current_exception ();
  }
  return nullptr;
}

Job
JobMaker::make_one (const Moment &moment, const Settings &settings,
    const StreamState &stream, CaptionQueue &queue)
{
  Job job = new_job (moment, settings, stream);
  job.history = settings.history;
  job.conversation = conversation_of (settings);
  try {
    const GstVlmQueuePolicy policy =
        effective_policy (settings.queue_policy, stream.is_async ());
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
    job.fail (std::current_exception ());
  }
  return job;
}

// What the questions cannot be asked for is told with each as it was set.
std::vector<Job>
JobMaker::refused (const Moment &moment, const Settings &settings,
    const StreamState &stream, const std::exception_ptr &why)
{
  std::vector<Job> jobs;
  for (const std::string &prompt : settings.asked ()) {
    jobs.push_back (new_job (moment, settings, stream));
    jobs.back ().prompt = prompt;
    jobs.back ().record.question = valid_utf8 (prompt);
    jobs.back ().fail (why);
  }
  return jobs;
}

// The pictures are the same, and so is the memory of what the model sees in
// them. The model that began with a frame answers all questions about it.
std::vector<Job>
JobMaker::make (const Moment &moment, const Settings &settings,
    const StreamState &stream, CaptionQueue &queue)
{
  if (const std::exception_ptr why = refusal (settings))
    return refused (moment, settings, stream, why);
  const std::vector<std::string> asked = settings.asked ();
  std::vector<Job> jobs (
      asked.size (), make_one (moment, settings, stream, queue));
  jobs.front ().request.deadline =
      deadline_of (jobs.front (), settings, stream);
  for (size_t i = 0; i < jobs.size (); ++i) {
    jobs[i].prompt = asked[i];
    jobs[i].question = fill (asked[i], place_of (moment, stream));
    jobs[i].record.question = jobs[i].question.with ("");
    jobs[i].request.generate = settings.adds_prompt_to (asked[i]);
    jobs[i].request.cancel = vlm::CancelToken (); // copies share theirs
  }
  reserve_text (jobs, settings);
  if (jobs.front ().kind == Job::Kind::Analyse)
    add_region_jobs (jobs, moment, settings, stream);
  return jobs;
}

Ptr<GstStructure>
JobMaker::analysed (GstClockTime pts, const Settings &settings)
{
  if (grid_)
    gate_.accept (*grid_, pts);
  return prompts_.asked (settings, pts);
}

} // namespace gstvlm
