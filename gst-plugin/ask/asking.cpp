// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/ask/asking.h"

#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/settings/settingschecks.h"

#include <utility>

namespace gstvlm
{
namespace
{

guint64
number (const GstStructure * s, const char * field, guint64 missing)
{
  guint64 value = missing;
  if (gst_structure_has_field (s, field) &&
      !gst_structure_get_uint64 (s, field, &value))
    vlm::fail (vlm::ErrorCategory::Settings, gst_structure_get_name (s),
        ": the field ", field, " is no guint64");
  return value;
}

} // namespace

void
Asking::forget ()
{
  newest_.reset ();
  look_back_.stop ();
}

void
Asking::flush ()
{
  newest_.reset ();
  look_back_.reset ();
}

void
Asking::end ()
{
  queue_->refuse_pictures (
      Status::Dropped, "the stream ended before a frame came");
}

void
Asking::frame (Ptr<GstBuffer> frame, const GstVideoInfo &info,
    CaptionRecord moment, const LookBack::Limits &look_back)
{
  look_back_.frame (frame.get (), info, moment, look_back);
  newest_.keep (std::move (frame), info, std::move (moment));
  give ();
}

// Whoever comes second, the frame or the question, finds the other.
void
Asking::give ()
{
  if (!queue_->waits_for_picture ())
    return;
  try {
    if (const auto picture = newest_.picture ())
      queue_->give (picture);
  } catch (...) {
    const std::exception_ptr error = std::current_exception ();
    queue_->refuse_pictures (status_of (error), failure_of (error).text);
  }
}

guint64
Asking::ask (const Question &question, const Settings &settings)
{
  check (settings);
  check_question ("question", question.text);
  vlm::Request request = settings.request ();
  request.question = question.text;
  request.generate = settings.adds_prompt_to (question.text);
  const bool prompts = settings.generate != GST_VLM_GENERATE_MODE_NEVER;
  std::shared_ptr<const AskedPicture> picture;
  if (GST_CLOCK_TIME_IS_VALID (question.pts)) {
    if (settings.look_back == 0)
      vlm::fail (vlm::ErrorCategory::Settings,
          "look-back=0: no past frames are kept, that of pts ", question.pts,
          " neither");
    picture = look_back_.at (question.pts);
  }
  const guint64 id = queue_->ask (
      question.id, std::move (request), prompts, std::move (picture));
  give ();
  return id;
}

bool
Asking::concerns (GstEvent * event)
{
  return gst_event_has_name (event, kAskEvent) ||
         gst_event_has_name (event, kCancelEvent);
}

bool
Asking::seen (GstEvent * event)
{
  std::lock_guard<std::mutex> lock (mutex_);
  const guint32 seqnum = gst_event_get_seqnum (event);
  return std::exchange (seqnum_, seqnum) == seqnum;
}

void
Asking::handle (GstEvent * event, const Settings &settings)
{
  if (seen (event))
    return;
  const GstStructure * s = gst_event_get_structure (event);
  const guint64 id = number (s, "id", 0);
  if (gst_event_has_name (event, kCancelEvent))
    return cancel (id);
  const gchar * question = gst_structure_get_string (s, "question");
  ask ({question ? question : "", id, number (s, "pts", GST_CLOCK_TIME_NONE)},
      settings);
}

} // namespace gstvlm
