// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/captionflow.h"

#include <utility>

namespace gstvlm
{

GstFlowReturn
CaptionFlow::analyse (
    const std::vector<Moment> &moments, const Settings &settings)
{
  for (const Moment &moment : moments) {
    const GstFlowReturn flow = analyse_one (moment, settings);
    if (flow != GST_FLOW_OK)
      return flow;
  }
  return GST_FLOW_OK;
}

bool
CaptionFlow::end_windows (const Settings &settings)
{
  return analyse (stream_.rest (), settings) != GST_FLOW_FLUSHING;
}

void
CaptionFlow::gap (
    GstClockTime start, GstClockTime end, const Settings &settings)
{
  const GstClockTime limit = stream_.text_limit (settings);
  outlets_.gap (MIN (start, limit), MIN (end, limit));
}

void
CaptionFlow::push_records (std::vector<Ptr<GstStructure>> records)
{
  for (Ptr<GstStructure> &record : records) {
    gst_structure_set_name (record.get (), kRecordEvent);
    GstEvent * event =
        gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, record.release ());
    if (seqnum_ != GST_SEQNUM_INVALID)
      gst_event_set_seqnum (event, seqnum_);
    gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (element_), event);
  }
}

GstFlowReturn
CaptionFlow::analyse_one (const Moment &moment, const Settings &settings)
{
  const bool async = stream_.async ();
  if (!async)
    outlets_.wait_for_room (); // a flush that ends it shows in admit()
  std::vector<Job> jobs = stream_.make_jobs (moment, settings, queue_);
  notices_.regions (stream_.region_totals ());
  if (!admit (std::move (jobs), moment, settings))
    return interrupted ();
  if (!async && !queue_.drain ())
    return interrupted ();
  return GST_FLOW_OK;
}

// False when they were not taken.
bool
CaptionFlow::admit (
    std::vector<Job> jobs, const Moment &moment, const Settings &settings)
{
  const bool asks = jobs.front ().kind == Job::Kind::Analyse;
  std::vector<Outlets::Places> places;
  for (Job &job : jobs)
    places.push_back (job.places = outlets_.reserve (job.text_place));

  switch (queue_.admit (std::move (jobs),
      effective_policy (settings.queue_policy, stream_.async ()),
      settings.queue_size)) {
    case CaptionQueue::Admission::Flushing:
    case CaptionQueue::Admission::Failed:
      for (const Outlets::Places &each : places)
        outlets_.release (each);
      return false;
    case CaptionQueue::Admission::Displaced:
      asked (moment, settings);
      notices_.dropped (moment, stream_, queue_.counters ());
      return true;
    case CaptionQueue::Admission::Refused:
      notices_.dropped (moment, stream_, queue_.counters ());
      return true;
    case CaptionQueue::Admission::Taken:
      if (asks)
        asked (moment, settings);
      return true;
  }
  return true;
}

void
CaptionFlow::asked (const Moment &moment, const Settings &settings)
{
  Ptr<GstStructure> change = stream_.analysed (moment.pts, settings);
  if (change)
    gst_element_post_message (GST_ELEMENT (element_),
        gst_message_new_element (GST_OBJECT (element_), change.release ()));
}

GstFlowReturn
CaptionFlow::interrupted () const
{
  return queue_.failed () ? GST_FLOW_ERROR : GST_FLOW_FLUSHING;
}

} // namespace gstvlm
