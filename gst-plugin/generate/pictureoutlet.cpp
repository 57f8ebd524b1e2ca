// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/pictureoutlet.h"

#include "gst-plugin/generate/generatemeta.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

namespace gstvlm
{
namespace
{

using std::chrono::milliseconds;

// How often GAPs say that nothing comes, where time passes by itself.
constexpr milliseconds kTick (500);

bool
has_sent (GstPad * pad, GstEventType type)
{
  GstEvent * event = gst_pad_get_sticky_event (pad, type, 0);
  if (event)
    gst_event_unref (event);
  return event != NULL;
}

} // namespace

void
PictureOutlet::reset ()
{
  writer_ = PictureWriter ();
  live_ = false;
  frames_ = 0;
  last_qos_ = 0;
  warnings_.reset ();
  told_negative_.clear ();
  earliest_ = 0;
  held_.clear ();
  flush ();
}

void
PictureOutlet::flush ()
{
  timeline_.reset ();
  held_.flush ();
  forget_picture ();
  discontinuity_ = true;
  seqnum_ = GST_SEQNUM_INVALID;
}

GstEvent *
PictureOutlet::stamp (GstEvent * event) const
{
  if (seqnum_ != GST_SEQNUM_INVALID)
    gst_event_set_seqnum (event, seqnum_);
  return event;
}

// None unless the pipeline plays.
GstClockTime
PictureOutlet::running_time () const
{
  GST_OBJECT_LOCK (element_);
  const bool playing = GST_STATE (element_) == GST_STATE_PLAYING;
  GST_OBJECT_UNLOCK (element_);
  return playing ? gst_element_get_current_running_time (element_)
                 : GST_CLOCK_TIME_NONE;
}

// Painting

void
PictureOutlet::feed ()
{
  GstClockTime passed = earliest_;
  const GstClockTime now = live_ ? running_time () : GST_CLOCK_TIME_NONE;
  if (GST_CLOCK_TIME_IS_VALID (now))
    passed = std::max (passed, now);
  std::vector<Prompt> late;
  feed_->feed (passed, late);
  for (const Prompt &prompt : late)
    post_qos (prompt);
}

void
PictureOutlet::post_qos (const Prompt &prompt)
{
  const gint64 now = g_get_monotonic_time ();
  gint64 last = last_qos_;
  if ((last && now - last < G_USEC_PER_SEC) ||
      !last_qos_.compare_exchange_strong (last, now))
    return;
  const PromptQueue::Counters counters = queue_->counters ();
  GstMessage * message = gst_message_new_qos (GST_OBJECT (element_), live_,
      GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, prompt.pts, prompt.duration);
  gst_message_set_qos_values (message, 0, 1.0, 1000000);
  gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, counters.painted,
      counters.dropped + counters.late);
  gst_element_post_message (element_, message);
}

// Caps and events

// Prompts of the application need no stream.
void
PictureOutlet::open_stream ()
{
  if (has_sent (pad_, GST_EVENT_STREAM_START))
    return;
  gchar * id = gst_pad_create_stream_id (pad_, element_, "generated");
  gst_pad_push_event (pad_, gst_event_new_stream_start (id));
  g_free (id);
}

// What must not come before caps.
void
PictureOutlet::release_held ()
{
  if (!held_.has (GST_EVENT_SEGMENT) && !has_sent (pad_, GST_EVENT_SEGMENT)) {
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (pad_, stamp (gst_event_new_segment (&segment)));
  }
  for (Ptr<GstEvent> &event : held_.take ())
    gst_pad_push_event (pad_, event.release ());
}

// Asks again when the peer changed.
GstFlowReturn
PictureOutlet::negotiate ()
{
  const auto worker = feed_->worker ();
  if (!worker)
    return GST_FLOW_FLUSHING; // it stops
  open_stream ();
  if (!gst_pad_check_reconfigure (pad_) && writer_.has_caps () &&
      gst_pad_has_current_caps (pad_)) {
    queue_->set_size (writer_.painted_width (), writer_.painted_height ());
    release_held ();
    return GST_FLOW_OK;
  }
  Ptr<GstCaps> allowed (gst_pad_get_allowed_caps (pad_));
  if (!allowed)
    allowed.reset (gst_pad_get_pad_template_caps (pad_));
  const Ptr<GstCaps> caps =
      PictureWriter::choose (allowed.get (), worker->info ().default_size);
  if (!caps || !writer_.set_caps (caps.get ())) {
    GST_ELEMENT_ERROR (element_, CORE, NEGOTIATION,
        ("No size, format or frame rate suits what is behind this element; "
         "interlaced video is not painted."),
        ("allowed caps: %" GST_PTR_FORMAT,
            static_cast<void *> (allowed.get ())));
    return GST_FLOW_ERROR;
  }
  const Ptr<GstCaps> before (gst_pad_get_current_caps (pad_));
  if (!before || !gst_caps_is_equal (before.get (), caps.get ())) {
    if (shown_)
      draw (); // for whom it is repeated
    // A refusal shows in the flow of the next buffer.
    gst_pad_push_event (pad_, stamp (gst_event_new_caps (caps.get ())));
  }
  queue_->set_size (writer_.painted_width (), writer_.painted_height ());
  release_held ();
  return GST_FLOW_OK;
}

GstFlowReturn
PictureOutlet::handle_event (Ptr<GstEvent> event)
{
  const GstEventType type = GST_EVENT_TYPE (event.get ());
  if (type == GST_EVENT_STREAM_START || type == GST_EVENT_SEGMENT)
    seqnum_ = gst_event_get_seqnum (event.get ());
  if (type == GST_EVENT_STREAM_START) {
    timeline_.reset ();
    held_.clear ();
    forget_picture ();
    gst_pad_push_event (pad_, event.release ());
    return GST_FLOW_OK;
  }
  open_stream ();
  if (type == GST_EVENT_SEGMENT) {
    event = timeline_.set_segment (event.get ());
    forget_picture ();
  }
  if (!gst_pad_has_current_caps (pad_) && type != GST_EVENT_EOS) {
    held_.add (std::move (event));
    return GST_FLOW_OK;
  }
  release_held ();
  if (type == GST_EVENT_EOS)
    warnings_.finish (element_);
  gst_pad_push_event (pad_, event.release ());
  return GST_FLOW_OK;
}

// Pictures

GstFlowReturn
PictureOutlet::push_frame (GstClockTime start, GstClockTime duration)
{
  GstBuffer * frame = gst_buffer_copy (picture_.get ()); // of the same memory
  GST_BUFFER_PTS (frame) = start;
  GST_BUFFER_DURATION (frame) = duration;
  if (std::exchange (discontinuity_, false))
    GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  ++frames_;
  return gst_pad_push (pad_, frame);
}

void
PictureOutlet::push_gap (GstClockTime start, GstClockTime end)
{
  start = std::max (start, timeline_.position ());
  if (start >= end)
    return;
  timeline_.advance (end);
  gst_pad_push_event (pad_, stamp (gst_event_new_gap (start, end - start)));
}

// The frames of the last picture that begin before `end`.
GstFlowReturn
PictureOutlet::repeat_until (GstClockTime end)
{
  for (;;) {
    const GstClockTime start = first_ + writer_.time_of (next_frame_);
    if (start >= end)
      return GST_FLOW_OK;
    ++next_frame_;
    const GstClockTime next = first_ + writer_.time_of (next_frame_);
    timeline_.advance (next);
    const GstFlowReturn flow = push_frame (start, next - start);
    if (flow != GST_FLOW_OK)
      return flow;
  }
}

void
PictureOutlet::forget_picture ()
{
  shown_.reset ();
  picture_.reset ();
}

void
PictureOutlet::draw ()
{
  const auto worker = feed_->worker ();
  picture_ = writer_.write (shown_->painting->image);
  add_generate_meta (picture_.get (), shown_->prompt, *shown_->painting,
      worker ? worker->info ().name : "");
  first_ = timeline_.position ();
  next_frame_ = 0;
}

GstFlowReturn
PictureOutlet::show (PromptItem item, const GenerateSettings &settings)
{
  shown_ = std::make_unique<PromptItem> (std::move (item));
  draw ();
  const Prompt &prompt = shown_->prompt;
  timeline_.set_live (live_);
  const Timeline::Span span = timeline_.place (prompt, running_time ());
  if (!span.inside)
    return GST_FLOW_OK;
  const bool has_end = GST_CLOCK_TIME_IS_VALID (span.end);
  if (!writer_.has_rate ()) {
    timeline_.advance (span.start);
    return push_frame (span.start, span.end > span.start && has_end
                                       ? span.end - span.start
                                       : prompt.duration);
  }
  first_ = span.start;
  GstFlowReturn flow = repeat_until (span.start + 1); // one in any case
  if (flow != GST_FLOW_OK || !has_end || timeline_.by_clock ())
    return flow;
  if (settings.repeat)
    return repeat_until (span.end);
  push_gap (span.start, span.end);
  return GST_FLOW_OK;
}

// Of a negative prompt once, and not of the default one, which nobody wrote.
void
PictureOutlet::tell_cut (
    const vlm::PaintRequest &request, const vlm::Painting &painting)
{
  const auto tell = [this] (const char * what, gint64 tokens) {
    warnings_.post (
        element_, {GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
                      std::string ("the ") + what +
                          " is too long for the model: its last " +
                          std::to_string (tokens) + " tokens were cut"});
  };
  if (painting.cut > 0)
    tell ("prompt", painting.cut);
  const std::string &negative = request.negative_prompt;
  if (painting.negative_cut == 0 || request.guidance <= 1 ||
      negative == vlm::kDefaultNegativePrompt || negative == told_negative_)
    return;
  told_negative_ = negative;
  tell ("negative prompt", painting.negative_cut);
}

GstFlowReturn
PictureOutlet::settled (PromptItem &item, const GenerateSettings &settings)
{
  const Prompt &prompt = item.prompt;
  if (item.painting) {
    tell_cut (prompt.request, *item.painting);
    return show (std::move (item), settings);
  }
  const Failure failure = failure_of (item.error);
  if (settings.on_error == GST_VLM_ON_ERROR_FAIL) {
    post_error (element_, failure);
    return GST_FLOW_ERROR;
  }
  warnings_.post (element_, failure);
  if (GST_CLOCK_TIME_IS_VALID (prompt.pts) &&
      GST_CLOCK_TIME_IS_VALID (prompt.duration))
    push_gap (prompt.pts, prompt.pts + prompt.duration);
  return GST_FLOW_OK;
}

// The task

bool
PictureOutlet::repeats (const GenerateSettings &settings) const
{
  return picture_ && settings.repeat && writer_.has_rate ();
}

std::optional<milliseconds>
PictureOutlet::patience (const GenerateSettings &settings) const
{
  if (!writer_.has_caps () || !timeline_.by_clock ())
    return std::nullopt;
  if (!repeats (settings))
    return kTick;
  const auto frame = static_cast<gint64> (writer_.time_of (1) / GST_MSECOND);
  return std::clamp (milliseconds (frame), milliseconds (1), kTick);
}

// Where time passes by itself, it passes downstream, too.
GstFlowReturn
PictureOutlet::pass_time (const GenerateSettings &settings)
{
  const GstClockTime now = timeline_.position_at (running_time ());
  if (!GST_CLOCK_TIME_IS_VALID (now) || !gst_pad_has_current_caps (pad_))
    return GST_FLOW_OK;
  const GstFlowReturn agreed = negotiate ();
  if (agreed != GST_FLOW_OK)
    return agreed;
  if (repeats (settings))
    return repeat_until (now);
  push_gap (timeline_.position (), now);
  return GST_FLOW_OK;
}

GstFlowReturn
PictureOutlet::handle (PromptItem &item, const GenerateSettings &settings)
{
  if (item.kind == PromptItem::Kind::Event)
    return handle_event (std::move (item.event));
  const GstFlowReturn agreed = negotiate ();
  if (agreed != GST_FLOW_OK)
    return agreed;
  feed (); // the next is painted while this one is pushed
  if (item.kind == PromptItem::Kind::Settled)
    return settled (item, settings);
  if (!timeline_.by_clock () || !repeats (settings))
    push_gap (item.start, item.end);
  return GST_FLOW_OK;
}

// Whether the stream ends here, for the reason that the flow tells.
bool
PictureOutlet::ended (GstFlowReturn flow)
{
  if (flow == GST_FLOW_OK || flow == GST_FLOW_FLUSHING)
    return false;
  queue_->finish (flow);
  if (flow == GST_FLOW_EOS)
    return true;
  if (flow != GST_FLOW_ERROR)
    GST_ELEMENT_FLOW_ERROR (element_, flow);
  gst_pad_push_event (pad_, gst_event_new_eos ());
  return true;
}

bool
PictureOutlet::step (const GenerateSettings &settings)
{
  timeline_.set_live (live_);
  PromptItem item (PromptItem::Kind::Gap);
  GstFlowReturn flow = GST_FLOW_OK;
  feed ();
  switch (queue_->next (item, patience (settings))) {
    case PromptQueue::Next::Halted:
      return false;
    case PromptQueue::Next::Later:
      flow = pass_time (settings);
      break;
    case PromptQueue::Next::Flushed:
      flush ();
      break;
    case PromptQueue::Next::Unsized:
      flow = negotiate ();
      break;
    case PromptQueue::Next::Item:
      flow = handle (item, settings);
      break;
  }
  return !ended (flow);
}

} // namespace gstvlm
