// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/promptentry.h"

#include "gst-plugin/base/upstream.h"
#include "model/core/utf8.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

namespace gstvlm
{
namespace
{

constexpr const char * kGenerateEvent = "vlmgenerate/generate";

PromptQueue::Policy
policy_of (const GenerateSettings &settings, bool live)
{
  switch (settings.queue_policy) {
    case GST_VLM_QUEUE_POLICY_DROP_OLDEST:
      return PromptQueue::Policy::DropOldest;
    case GST_VLM_QUEUE_POLICY_DROP_NEWEST:
      return PromptQueue::Policy::DropNewest;
    case GST_VLM_QUEUE_POLICY_BLOCK:
      return PromptQueue::Policy::Block;
    default:
      return live ? PromptQueue::Policy::DropOldest
                  : PromptQueue::Policy::Block;
  }
}

// Two of them must have a sum: later ones are none.
GstClockTime
usable (GstClockTime time)
{
  return time <= G_MAXINT64 ? time : GST_CLOCK_TIME_NONE;
}

} // namespace

void
PromptEntry::new_stream ()
{
  gst_segment_init (&segment_, GST_FORMAT_UNDEFINED);
  lines_ = PromptLines ();
  asked_live_ = false;
}

void
PromptEntry::reset ()
{
  new_stream ();
  last_id_ = 0;
}

bool
PromptEntry::may_lose (const GenerateSettings &settings) const
{
  return outlet_.live () ||
         policy_of (settings, false) != PromptQueue::Policy::Block;
}

bool
PromptEntry::set_segment (GstEvent * event)
{
  gst_event_copy_segment (event, &segment_);
  if (segment_.rate > 0)
    return true;
  GST_ELEMENT_ERROR (element_, STREAM, FORMAT,
      ("Text cannot be painted backwards."),
      ("segment rate is %f", segment_.rate));
  return false;
}

void
PromptEntry::gap (GstEvent * event)
{
  GstClockTime start, duration;
  gst_event_parse_gap (event, &start, &duration);
  start = usable (start);
  duration = usable (duration);
  if (dated () && GST_CLOCK_TIME_IS_VALID (start) &&
      GST_CLOCK_TIME_IS_VALID (duration))
    queue_->gap (start, start + duration);
}

// Nothing is made of text without a word.
std::optional<Prompt>
PromptEntry::prompt_of (std::string text, const GenerateSettings &settings)
{
  const gchar * end;
  if (!g_utf8_validate (text.data (), text.size (), &end))
    vlm::fail (vlm::ErrorCategory::Data,
        "the prompt is not valid UTF-8 at byte ", end - text.data ());
  if (vlm::is_blank (text))
    return std::nullopt;
  Prompt prompt;
  prompt.id = ++last_id_;
  prompt.text = std::move (text);
  prompt.request = settings.request ();
  return prompt;
}

GstFlowReturn
PromptEntry::admit (Prompt prompt, const GenerateSettings &settings)
{
  std::optional<Prompt> dropped;
  const GstFlowReturn flow = queue_->admit (std::move (prompt),
      settings.queue_size, policy_of (settings, outlet_.live ()), dropped);
  if (dropped)
    outlet_.post_qos (*dropped);
  outlet_.feed ();
  return flow;
}

GstFlowReturn
PromptEntry::text (std::string text, GstClockTime pts, GstClockTime duration,
    const GenerateSettings &settings)
{
  const bool lasts =
      GST_CLOCK_TIME_IS_VALID (pts) && GST_CLOCK_TIME_IS_VALID (duration);
  std::optional<Prompt> prompt;
  try {
    prompt = prompt_of (std::move (text), settings);
  } catch (...) {
    if (settings.on_error == GST_VLM_ON_ERROR_FAIL)
      throw;
    outlet_.warnings ().post (element_, failure_of (std::current_exception ()));
  }
  if (!prompt) {
    if (lasts)
      queue_->gap (pts, pts + duration);
    return GST_FLOW_OK;
  }
  prompt->pts = pts;
  prompt->duration = duration;
  if (lasts)
    prompt->over = gst_segment_to_running_time (
        &segment_, GST_FORMAT_TIME, pts + duration);
  return admit (std::move (*prompt), settings);
}

GstFlowReturn
PromptEntry::lines (
    const std::vector<std::string> &lines, const GenerateSettings &settings)
{
  for (const std::string &line : lines) {
    const GstFlowReturn flow =
        text (line, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, settings);
    if (flow != GST_FLOW_OK)
      return flow;
  }
  return GST_FLOW_OK;
}

GstFlowReturn
PromptEntry::buffer (
    GstPad * sink, GstBuffer * buffer, const GenerateSettings &settings)
{
  if (!std::exchange (asked_live_, true))
    outlet_.set_live (upstream_is_live (sink));
  std::string bytes (gst_buffer_get_size (buffer), '\0');
  gst_buffer_extract (buffer, 0, bytes.data (), bytes.size ());
  if (!dated ())
    return lines (lines_.add (bytes), settings);
  return text (std::move (bytes), usable (GST_BUFFER_PTS (buffer)),
      usable (GST_BUFFER_DURATION (buffer)), settings);
}

void
PromptEntry::end (const GenerateSettings &settings)
{
  lines ({lines_.rest ()}, settings);
}

guint64
PromptEntry::call (const gchar * text, const GenerateSettings &settings)
{
  return guard_with_warning (element_, guint64{0}, [&] {
    std::optional<Prompt> prompt = prompt_of (text ? text : "", settings);
    if (!prompt)
      vlm::fail (vlm::ErrorCategory::Data, "the prompt is empty");
    const guint64 id = prompt->id;
    const char * refused =
        queue_->call (std::move (*prompt), settings.max_pending);
    if (refused)
      vlm::fail (
          vlm::ErrorCategory::Failed, "the prompt was refused: ", refused);
    outlet_.feed ();
    return id;
  });
}

bool
PromptEntry::asked_by (GstEvent * event, const GenerateSettings &settings)
{
  if (!gst_event_has_name (event, kGenerateEvent))
    return false;
  const guint32 seqnum = gst_event_get_seqnum (event);
  if (last_event_.exchange (seqnum) != seqnum)
    call (gst_structure_get_string (gst_event_get_structure (event), "prompt"),
        settings);
  return true;
}

} // namespace gstvlm
