// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * SECTION:element-vlmcaption
 * @title: vlmcaption
 * @short_description: Captions and answers about video
 *
 * vlmcaption shows frames to a vision-language model of the Mini-Gemini family
 * and asks it a question about each. Video passes through untouched, in any raw
 * format; what the model says goes out in four ways, all of them optional:
 *
 * * as a #GstCustomMeta named `GstVlmCaptionMeta` on the frames,
 * * as an element message named `vlmcaption/caption` on the bus,
 * * through the signal #GstVlmCaption::caption,
 * * on request pads, with GAP events between them: as text on `text_src`, and
 *   whole, as lines of JSON, on `json_src`.
 *
 * Without a #GstVlmCaption:model-path the embedded model is used, a small
 * demonstration of the real thing. A released Mini-Gemini checkpoint directory
 * takes its place unchanged.
 *
 * ## Which frames
 *
 * One frame is due every #GstVlmCaption:interval of PTS, counted from the
 * segment's start: the first of each interval. Neither the frame rate nor the
 * speed of the machine changes which. Frames without PTS pass unanalysed, with
 * one warning. With a #GstVlmCaption:change-threshold a due frame that looks
 * like the last analysed one is not analysed again. In reverse playback frames
 * are analysed in their order of arrival.
 *
 * Behind a #GstVlmEncode with the same model and interval the model has looked
 * at the frame already, or does so once for all captioners.
 *
 * ## Windows
 *
 * With a #GstVlmCaption:window the model is asked about stretches of time. They
 * last so long, begin every #GstVlmCaption:window less #GstVlmCaption:overlap,
 * and of each of #GstVlmCaption:frames equal parts the model sees the first
 * frame, all of them in one question. A window is over when a frame comes that
 * lies behind it: that frame carries its caption, and in synchronous mode waits
 * for it. `pts` and text are dated by the window's start, so a muxer that waits
 * for text needs a `queue` with a `max-size-time` of at least the window on the
 * video branch. At EOS, and before a new segment, windows that are not over are
 * asked about with the frames they have; a flush drops them. With a
 * #GstVlmCaption:change-threshold the first frames of windows are compared.
 * When the model's context has no room for all frames, fewer are used, evenly
 * chosen, which one warning tells.
 *
 * ## Placeholders
 *
 * In #GstVlmCaption:prompt, #GstVlmCaption:questions and
 * #GstVlmCaption:region-prompt `{time}` stands for the position in the stream
 * (HH:MM:SS.mmm), `{pts}` for the PTS in nanoseconds, of a frame or of a
 * window's start, `{stream}` for the stream id and `{previous}` for the last
 * answer to the same prompt, known when the model's turn comes; it is empty at
 * first and after a flush or a new segment. In a region-prompt `{label}` is the
 * region's. `{{` and `}}` are braces. The field `question` of a record is what
 * was really asked.
 *
 * When one of these or #GstVlmCaption:system-prompt is set while running,
 * an element message `vlmcaption/prompt-changed` tells once from when that
 * counts: `pts` of the first frame (or window) that is asked, `questions` as
 * they were set, and `system-prompt` and `region-prompt` if there are any. A
 * change also opens the gate.
 *
 * ## Regions
 *
 * With a #GstVlmCaption:region-prompt the model is also asked about every thing
 * that upstream detected on an analysed frame (#GstVideoRegionOfInterestMeta,
 * and object detections of GstAnalytics when built with GStreamer 1.24 or
 * later): it sees that part of the picture alone. The record has the field
 * `region`, a structure with `x`, `y`, `width`, `height` (what of it is
 * visible), `label` and `id`. The largest #GstVlmCaption:max-regions are asked
 * about. Of a window the first frame's regions are. A frame that the gate skips
 * has no records of regions.
 *
 * ## Waiting, or not
 *
 * In synchronous mode (files) the streaming thread waits at a due frame for its
 * caption, the frame carries it, and nothing is lost. In asynchronous mode
 * (live sources) video never waits: a frame is copied, video goes on, and the
 * caption rides on the first frame after it, with its age. There is a queue for
 * frames that come due while the model is busy (#GstVlmCaption:queue-size,
 * #GstVlmCaption:queue-policy); what does not fit is dropped from analysis and
 * counted, never from the video. The mode `auto` looks whether upstream is
 * live. Text is dated by its frame in synchronous mode, by its arrival in
 * asynchronous mode.
 *
 * With a #GstVlmCaption:latency live pipelines wait for answers. In
 * asynchronous mode the text is then dated by its frame, and sinks show both
 * together; the video branch needs a `queue` that holds so much. In synchronous
 * mode the time that frames wait for the model is to be told that way, and the
 * source to be followed by such a `queue`. The property is a promise, not a
 * measurement: one warning tells when an answer takes longer.
 *
 * EOS waits for the last caption. A seek or a state change waits for nothing:
 * it takes effect within milliseconds while the model is in the middle of an
 * answer, and that answer is discarded: no record tells of it, only `flushed`
 * in #GstVlmCaption:stats.
 *
 * A frame of live video whose turn with the model does not come in time is
 * dropped as well: after #GstVlmCaption:latency, or without one after as many
 * intervals as frames may wait and one more: then a newer frame takes its
 * place. Nothing is too late with the queue policy `block`, and without a
 * latency neither with an interval of 0, no queue or a
 * #GstVlmCaption:change-threshold.
 *
 * ## The record
 *
 * Meta, message and signal hold the same fields: `schema` (1), `id`,
 * `sequence`, `text`, `question`, `status` (ok, truncated, skipped-unchanged,
 * dropped, failed, undecodable: the frame could not be read), `pts`,
 * `duration`, `window-start`, `window-end`, `stream-time`, `running-time`,
 * `wall-clock`, `frames` (PTS of what was looked at), `region`, `model`,
 * `model-digest`, `temperature`, `top-k`, `top-p`, `seed`, `max-tokens`,
 * `queue-time`, and after an answer `stop-reason`, `prompt-digest`,
 * `prompt-tokens`, `output-tokens`, `truncated-tokens`, `preprocess-time`,
 * `vision-time`, `prefill-time`, `decode-time`, `confidence` and
 * `generation-prompt`, with #GstVlmCaption:ocr `ocr-text`; after a failure
 * `error`. Times are integer
 * nanoseconds. Fields that are not known are absent. Every due frame yields
 * exactly one record for each question, in order; so does every window.
 *
 * On frames there are also `state` and `age`: `fresh` on the first frame that
 * carries the record, then `held`, and `stale` once it is older than two
 * intervals (of a window: two steps after its end). With several
 * #GstVlmCaption:questions, or should several records become ready between two
 * frames, the top fields are the first record's and
 * the field `records`, an array of structures, holds all of them. Records
 * without a text (dropped, failed, undecodable), and those that come too late
 * for any frame
 * of their stream, go downstream as the serialised custom event
 * `vlmcaption/record`, in their order among the frames: before a new SEGMENT,
 * STREAM_START or EOS, or before the frame that follows.
 *
 * ## What is asked
 *
 * With a #GstVlmCaption:json-schema every answer is compact JSON that fits it:
 * only tokens that fit are taken, and an answer that #GstVlmCaption:max-tokens
 * ends halfway is a failed record. With #GstVlmCaption:history the earlier
 * answers to the same question stand in the conversation. A conversation has
 * its pictures in its first turn, so the newest frame stands there alone, and
 * the earlier answers are about frames that the model does not see any more.
 *
 * ## Reuse
 *
 * Video changes slowly, and so do captions. What #GstVlmCaption:reuse names is
 * not computed again: tokens that the last answer to the same prompt foretells
 * (they are checked several at a time, and only those are taken that the model
 * would have written anyway), the beginning of prompts, and pictures that are
 * equal to one of the last few. Answers are the same with and without.
 *
 * ## Questions at run time
 *
 * The action signal #GstVlmCaption::ask asks about the newest frame: the one
 * that plays, the one that a paused pipeline shows, the last one after EOS.
 * When there is none yet the question waits for the first. The answer comes as
 * an element message named `vlmcaption/answer`, with the fields of a record and
 * `ask-id`, and through the signal #GstVlmCaption::answer; neither disturbs the
 * captions, which take turns with it. Every question is answered once: one that
 * is cancelled (#GstVlmCaption::cancel), given up or that fails has an empty
 * text, the status `dropped`, `failed` or `undecodable`, and `error` says why.
 * `sequence` is
 * the order of the answers.
 *
 * EOS does not wait for answers; they come after it. A flush leaves a question
 * with the picture that it has; those that wait for one, and later ones, are
 * about the frames after it. PAUSED to READY gives all questions up. Up to 16
 * may be open; more are refused, as are questions that cannot be asked: the id
 * is 0, and a warning tells why.
 *
 * With #GstVlmCaption:look-back small pictures of the last minutes are kept, in
 * not more memory than #GstVlmCaption:look-back-bytes, and
 * #GstVlmCaption::ask-at asks about a moment of these. They are forgotten at a
 * flush and when a new stream or segment begins.
 *
 * Without code the same is done by custom events, sent upstream or downstream:
 * `vlmcaption/ask` with `question` (string) and, where wanted, `pts` of a past
 * moment and an `id` of the sender's choice (guint64); `vlmcaption/cancel` with
 * `id`. They go no further.
 *
 * The newest frame is kept without a copy, unless it is from a pool that has a
 * limit or its memory is a device's. An element downstream that writes into
 * pictures copies each because of that.
 *
 * ## Request pads
 *
 * `text_src` says what the records say, `json_src` every record whole, one
 * JSON object per line (those without a text, too: dropped, failed), and
 * `prompt_src` the generation prompts among the answers: what stands between
 * `<h>` and `</h>` (see #GstVlmCaption:generate). All are dated as the text is,
 * have threads of their own, and may come and go at any time. A muxer that
 * waits for text needs a `queue` on the video branch.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=90 ! vlmcaption
 * interval=1000000000 ! fakesink
 * ]| Prints a caption of the test picture for every second.
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=90 ! vlmcaption
 * questions="<\"What is shown?\",\"Is there a dog?\">" ! fakesink
 * ]| Asks two questions about each frame that is due.
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=300 ! vlmcaption
 * window=4000000000 frames=4 prompt="What happens here?" ! fakesink
 * ]| Shows the model four frames of every four seconds at a time.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! vlmcaption name=v prompt="What
 * is shown here?" ! queue ! textoverlay name=o ! videoconvert ! autovideosink
 * v.text_src ! queue ! o.text_sink
 * ]| Draws the captions into the picture.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! vlmcaption name=v
 * generate=always prompt="Paint this at night." ! fakesink
 * v.prompt_src ! filesink location=prompts.txt
 * v.json_src ! filesink location=captions.jsonl
 * ]| Has image prompts written, and keeps everything that was said.
 *
 * Since: 0.1
 */

#include "gst-plugin/elements/gstvlmcaption.h"

#include "gst-plugin/ask/asking.h"
#include "gst-plugin/base/gstvlmengine.h"
#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/base/modelloader.h"
#include "gst-plugin/caption/captionflow.h"
#include "gst-plugin/elements/captionsignals.h"
#include "gst-plugin/elements/elementbase.h"
#include "gst-plugin/settings/captionproperties.h"
#include "gst-plugin/settings/properties.h"
#include "gst-plugin/settings/settingschecks.h"
#include "gst-plugin/text/seekonce.h"

#include <atomic>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

using namespace gstvlm;

// Locks, each held briefly and never while pushing, posting, emitting or
// querying; none is taken inside another but in this order: settings, caption
// queue, frame captions; an outlet, its text queue.
struct GstVlmCaptionPrivate {
  explicit GstVlmCaptionPrivate (GstVlmCaption * self);

  SettingsBox settings;

  std::shared_ptr<CaptionQueue> queue;
  std::unique_ptr<Asking> asking;
  ModelLoader loader;
  Outlets outlets;

  Notices notices;
  SeekOnce seeks;

  std::atomic<guint64> frames{0}, undated{0};

  // Streaming thread only.
  CaptionStream stream;
  std::unique_ptr<CaptionFlow> flow;
  GstPadChainFunction parent_chain = nullptr; ///< of GstBaseTransform
};

struct _GstVlmCaption {
  GstBaseTransform parent;
  GstVlmCaptionPrivate * priv;
};

G_DEFINE_TYPE (GstVlmCaption, gst_vlm_caption, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (
    vlmcaption, "vlmcaption", GST_RANK_NONE, GST_TYPE_VLM_CAPTION)

static GstStaticPadTemplate caption_sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)));

static GstStaticPadTemplate caption_src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)));

// Of the caps, those that come first are preferred.
static GstStaticPadTemplate outlet_templates[] = {
    GST_STATIC_PAD_TEMPLATE ("text_src", GST_PAD_SRC, GST_PAD_REQUEST,
        GST_STATIC_CAPS ("text/x-raw, format = utf8; "
                         "text/x-raw, format = pango-markup")),
    GST_STATIC_PAD_TEMPLATE ("prompt_src", GST_PAD_SRC, GST_PAD_REQUEST,
        GST_STATIC_CAPS ("text/x-raw, format = utf8")),
    GST_STATIC_PAD_TEMPLATE ("json_src", GST_PAD_SRC, GST_PAD_REQUEST,
        GST_STATIC_CAPS ("application/x-json")),
};

// Records out

// When the text of a job stops to show: where the next one is expected.
static GstClockTime
text_end (const GstVlmCaptionPrivate &priv, const Job &job)
{
  GstClockTime duration = job.record.duration;
  if (job.text_place == TextPlace::Floating)
    duration = MAX (duration, priv.queue->captions ().spacing ());
  return job.record.pts + duration;
}

static void
gst_vlm_caption_emit_record (GstVlmCaption * self, const Job &job)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  Ptr<GstStructure> record = to_structure (job.record, kCaptionMessage);
  if (priv.settings.copy ().post_messages)
    gst_element_post_message (
        GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self),
                                gst_structure_copy (record.get ())));
  emit_caption (self, record.get ());
  if (!priv.outlets.fill (job.places, job.record, text_end (priv, job)))
    priv.notices.unread ();
}

// Any thread, no lock held. False when a failure ends the stream.
static bool
gst_vlm_caption_deliver (GstVlmCaption * self, Job &job) noexcept
{
  GstElement * element = GST_ELEMENT (self);
  return guard (element, false, [&] {
    GST_DEBUG_OBJECT (self,
        "record %" G_GUINT64_FORMAT " of %" GST_TIME_FORMAT ": %s",
        job.record.id, GST_TIME_ARGS (job.record.pts),
        name (job.record.status));
    self->priv->notices.left_out (job);
    self->priv->notices.late (job);
    gst_vlm_caption_emit_record (self, job);
    if (!job.error || !self->priv->queue->current (job))
      return true;
    const Failure failure = failure_of (job.error);
    if (self->priv->settings.copy ().on_error == GST_VLM_ON_ERROR_FAIL) {
      post_error (element, failure);
      return false;
    }
    self->priv->notices.failed (failure);
    return true;
  });
}

// Any thread, no lock held.
static void
gst_vlm_caption_answer (GstVlmCaption * self, const CaptionRecord &record)
{
  Ptr<GstStructure> s = to_structure (record, kAnswerMessage);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self), s.release ()));
  emit_answer (self, record.ask_id, record.text.c_str ());
}

// The queues outlive the element when the model is busy: they know it only
// weakly.
GstVlmCaptionPrivate::GstVlmCaptionPrivate (GstVlmCaption * self)
    : notices (GST_ELEMENT (self))
{
  auto weak = std::make_shared<WeakElement> (GST_ELEMENT (self));
  queue = std::make_shared<CaptionQueue> ([weak] (Job &job) {
    const Ptr<GstElement> element = weak->lock ();
    return !element ||
           gst_vlm_caption_deliver (GST_VLM_CAPTION (element.get ()), job);
  });
  asking = std::make_unique<Asking> ([weak] (const CaptionRecord &record) {
    if (const Ptr<GstElement> element = weak->lock ())
      gst_vlm_caption_answer (GST_VLM_CAPTION (element.get ()), record);
  });
  flow = std::make_unique<CaptionFlow> (
      GST_BASE_TRANSFORM (self), stream, *queue, outlets, notices);
}

// Frames

// Records that are ready belong to the stream that ends here.
static void
gst_vlm_caption_new_stream (GstVlmCaption * self)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  priv.flow->push_records (priv.queue->captions ().take_all ());
  priv.queue->new_stream ();
  priv.asking->new_stream ();
}

// Text for the frame, or a GAP, is queued before the frame is pushed:
// textoverlay and two synchronising sinks hang otherwise.
static GstFlowReturn
gst_vlm_caption_handle_frame (GstVlmCaption * self, GstBuffer * buffer)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  if (priv.queue->failed ())
    return GST_FLOW_ERROR; // its cause was posted
  ++priv.frames;
  if (!CaptionStream::dated (buffer)) {
    ++priv.undated;
    priv.notices.undated ();
    return GST_FLOW_OK;
  }
  const Settings settings = priv.settings.copy ();
  priv.stream.resolve_mode (settings.mode, GST_BASE_TRANSFORM_SINK_PAD (self));
  const CaptionStream::Frame frame = priv.stream.frame_of (buffer);
  priv.asking->frame (priv.stream.keep (buffer), priv.stream.info (),
      priv.stream.record_of (buffer, frame, settings),
      {settings.look_back, settings.look_back_bytes, priv.stream.live ()});
  const GstFlowReturn flow =
      priv.flow->analyse (priv.stream.due (buffer, frame, settings), settings);
  if (flow != GST_FLOW_OK)
    return flow;
  priv.flow->gap (frame.pts,
      frame.pts + (frame.exact_duration ? frame.duration : 0), settings);
  priv.flow->push_records (priv.queue->captions ().take_events ());
  priv.queue->captions ().annotate (
      buffer, settings.stale_after (), settings.repeat_caption);
  return GST_FLOW_OK;
}

static void
gst_vlm_caption_before_transform (GstBaseTransform * trans, GstBuffer * input)
{
  GST_VLM_CAPTION (trans)->priv->stream.arrived (input);
}

static GstFlowReturn
gst_vlm_caption_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstVlmCaption * self = GST_VLM_CAPTION (trans);
  const GstFlowReturn flow = guard (GST_ELEMENT (self), GST_FLOW_ERROR,
      [&] { return gst_vlm_caption_handle_frame (self, buffer); });
  self->priv->stream.left ();
  return flow;
}

static GstFlowReturn
gst_vlm_caption_chain (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstVlmCaptionPrivate &priv = *GST_VLM_CAPTION (parent)->priv;
  const GstFlowReturn flow = priv.parent_chain (pad, parent, buffer);
  priv.notices.after_push ();
  return flow;
}

static gboolean
gst_vlm_caption_set_caps (GstBaseTransform * trans, GstCaps * caps, GstCaps *)
{
  GstVlmCaption * self = GST_VLM_CAPTION (trans);
  GstVideoInfo info;
  if (!video_info_of (GST_ELEMENT (trans), caps, info))
    return FALSE;
  self->priv->stream.set_info (info);
  return TRUE;
}

// Events and queries

static gboolean
gst_vlm_caption_segment (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  const auto segment = time_segment (GST_ELEMENT (self), event);
  if (!segment)
    return FALSE;
  const bool same = priv.stream.continues (*segment);
  if (!same && !priv.flow->end_windows (priv.settings.copy ()))
    return FALSE;
  priv.outlets.pass (event);
  if (!same) {
    priv.stream.set_segment (*segment);
    gst_vlm_caption_new_stream (self);
  }
  priv.flow->set_seqnum (gst_event_get_seqnum (event));
  return TRUE;
}

// Waits for the captions that are under way. False when a flush or a state
// change came first.
static bool
gst_vlm_caption_finish (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  if (!priv.flow->end_windows (priv.settings.copy ()))
    return false;
  if (!priv.queue->drain () && !priv.queue->failed ())
    return false;
  priv.asking->end ();
  priv.notices.finish ();
  priv.flow->push_records (priv.queue->captions ().take_all ());
  priv.outlets.pass (event);
  return true;
}

// Not serialised: the streaming thread may be waiting anywhere.
static void
gst_vlm_caption_flush_start (GstVlmCaption * self, GstEvent * event)
{
  self->priv->queue->flush ();
  self->priv->asking->flush ();
  self->priv->outlets.flush (event);
}

static void
gst_vlm_caption_flush_stop (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  priv.stream.reset ();
  priv.queue->resume ();
  priv.outlets.flush (event);
}

static bool
gst_vlm_caption_stream_start (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  if (!priv.flow->end_windows (priv.settings.copy ()))
    return false;
  priv.stream.reset ();
  priv.notices.new_stream ();
  const gchar * id = NULL;
  gst_event_parse_stream_start (event, &id);
  priv.stream.set_stream_id (id);
  gst_vlm_caption_new_stream (self);
  priv.outlets.stream_start (event);
  priv.flow->set_seqnum (gst_event_get_seqnum (event));
  return true;
}

// Those of others concern text, too. Records are told on the request pads
// otherwise.
static bool
gst_vlm_caption_custom (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  if (gst_event_has_name (event, kRecordEvent))
    return true;
  if (priv.stream.sync ())
    priv.outlets.wait_for_room ();
  priv.outlets.pass (event);
  return true;
}

// Windows end without a frame, too.
static bool
gst_vlm_caption_gap (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  GstClockTime start, duration;
  gst_event_parse_gap (event, &start, &duration);
  const GstClockTime end =
      start + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0);
  const Settings settings = priv.settings.copy ();
  if (priv.flow->analyse (priv.stream.due_before (end), settings) ==
      GST_FLOW_FLUSHING)
    return false;
  priv.flow->gap (start, end, settings);
  return true;
}

static bool
gst_vlm_caption_handle_event (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_vlm_caption_flush_start (self, event);
      return true;
    case GST_EVENT_FLUSH_STOP:
      gst_vlm_caption_flush_stop (self, event);
      return true;
    case GST_EVENT_STREAM_START:
      return gst_vlm_caption_stream_start (self, event);
    case GST_EVENT_SEGMENT:
      return gst_vlm_caption_segment (self, event);
    case GST_EVENT_GAP:
      return gst_vlm_caption_gap (self, event);
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
      return gst_vlm_caption_finish (self, event);
    case GST_EVENT_CUSTOM_DOWNSTREAM:
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      return gst_vlm_caption_custom (self, event);
    case GST_EVENT_TAG:
    case GST_EVENT_STREAM_GROUP_DONE:
    case GST_EVENT_INSTANT_RATE_CHANGE:
      priv.outlets.pass (event);
      return true;
    default:
      return true;
  }
}

// Questions at run time

static guint64
gst_vlm_caption_ask_at (
    GstVlmCaption * self, const gchar * question, guint64 pts)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  return guard_with_warning (GST_ELEMENT (self), guint64{0}, [&] {
    return priv.asking->ask (
        {question ? question : "", 0, pts}, priv.settings.copy ());
  });
}

static guint64
gst_vlm_caption_ask (GstVlmCaption * self, const gchar * question)
{
  return gst_vlm_caption_ask_at (self, question, GST_CLOCK_TIME_NONE);
}

static void
gst_vlm_caption_cancel (GstVlmCaption * self, guint64 id)
{
  self->priv->asking->cancel (id);
}

// Takes the event.
static gboolean
gst_vlm_caption_asking_event (GstVlmCaption * self, GstEvent * event)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  const Ptr<GstEvent> owner (event);
  return guard_with_warning (GST_ELEMENT (self), gboolean{FALSE}, [&] {
    priv.asking->handle (event, priv.settings.copy ());
    return gboolean{TRUE};
  });
}

static gboolean
gst_vlm_caption_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstVlmCaption * self = GST_VLM_CAPTION (trans);
  if (Asking::concerns (event))
    return gst_vlm_caption_asking_event (self, event);
  const bool serialized = GST_EVENT_IS_SERIALIZED (event);
  const bool forward = guard (GST_ELEMENT (self), false,
      [&] { return gst_vlm_caption_handle_event (self, event); });
  if (!forward)
    gst_event_unref (event);
  const gboolean handled =
      forward && GST_BASE_TRANSFORM_CLASS (gst_vlm_caption_parent_class)
                     ->sink_event (trans, event);
  if (serialized) // the streaming thread, to whom they belong
    self->priv->notices.after_push ();
  return handled;
}

static gboolean
gst_vlm_caption_src_event (GstBaseTransform * trans, GstEvent * event)
{
  GstVlmCaption * self = GST_VLM_CAPTION (trans);
  if (Asking::concerns (event))
    return gst_vlm_caption_asking_event (self, event);
  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return video_src_event (trans, event);
  return self->priv->seeks.pass (
      event, [&] (GstEvent * seek) { return video_src_event (trans, seek); });
}

// Late text says nothing about the decoder, and the format of a request pad is
// its own affair.
static gboolean
gst_vlm_caption_text_event (GstPad *, GstObject * parent, GstEvent * event)
{
  GstBaseTransform * trans = GST_BASE_TRANSFORM (parent);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_QOS:
    case GST_EVENT_RECONFIGURE:
      gst_event_unref (event);
      return TRUE;
    default:
      return gst_vlm_caption_src_event (trans, event);
  }
}

// What the property says is added where something waits for the model.
static gboolean
gst_vlm_caption_query_latency (
    GstVlmCaption * self, GstQuery * query, bool of_text)
{
  if (!gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
    return FALSE;
  const Settings settings = self->priv->settings.copy ();
  if (of_text || settings.mode == GST_VLM_CAPTION_MODE_SYNC)
    add_latency (query, settings.latency);
  return TRUE;
}

static gboolean
gst_vlm_caption_query (
    GstBaseTransform * trans, GstPadDirection direction, GstQuery * query)
{
  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_LATENCY)
    return gst_vlm_caption_query_latency (
        GST_VLM_CAPTION (trans), query, false);
  return GST_BASE_TRANSFORM_CLASS (gst_vlm_caption_parent_class)
      ->query (trans, direction, query);
}

static gboolean
gst_vlm_caption_text_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      return gst_vlm_caption_query_latency (
          GST_VLM_CAPTION (parent), query, true);
    case GST_QUERY_POSITION:
    case GST_QUERY_DURATION:
    case GST_QUERY_SEEKING:
    case GST_QUERY_SEGMENT:
      return gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (parent), query);
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

// By default all source pads would belong to the sink pad, and a caps query
// would intersect video with text.
static GstIterator *
gst_vlm_caption_iterate_links (GstPad * pad, GstObject * parent)
{
  GstPad * sink = GST_BASE_TRANSFORM_SINK_PAD (parent);
  GValue other = G_VALUE_INIT;
  g_value_init (&other, GST_TYPE_PAD);
  g_value_set_object (
      &other, pad == sink ? GST_BASE_TRANSFORM_SRC_PAD (parent) : sink);
  GstIterator * links = gst_iterator_new_single (GST_TYPE_PAD, &other);
  g_value_unset (&other);
  return links;
}

// The request pads

static GstPad *
gst_vlm_caption_request_new_pad (GstElement * element, GstPadTemplate * templ,
    const gchar *, const GstCaps *)
{
  GstVlmCaptionPrivate &priv = *GST_VLM_CAPTION (element)->priv;
  const gchar * name = GST_PAD_TEMPLATE_NAME_TEMPLATE (templ);
  GstPad * pad = GST_PAD (g_object_new (GST_TYPE_VLM_TEXT_PAD, "name", name,
      "direction", GST_PAD_SRC, "template", templ, NULL));
  gst_pad_set_event_function (pad, gst_vlm_caption_text_event);
  gst_pad_set_query_function (pad, gst_vlm_caption_text_query);
  gst_pad_set_iterate_internal_links_function (
      pad, gst_vlm_caption_iterate_links);
  if (priv.settings.running)
    gst_pad_set_active (pad, TRUE);
  if (!priv.outlets.find (name).attach (GST_VLM_TEXT_PAD (pad))) {
    GST_WARNING_OBJECT (element, "%s was requested already", name);
    gst_pad_set_active (pad, FALSE);
    gst_object_unref (gst_object_ref_sink (pad));
    return NULL;
  }
  gst_element_add_pad (element, pad);
  gst_vlm_text_pad_open (GST_VLM_TEXT_PAD (pad));
  return pad;
}

static void
gst_vlm_caption_release_pad (GstElement * element, GstPad * pad)
{
  if (TextOutlet * outlet = GST_VLM_CAPTION (element)->priv->outlets.find (pad))
    outlet->detach ();
  gst_vlm_text_pad_close (GST_VLM_TEXT_PAD (pad));
  gst_element_remove_pad (element, pad);
}

// States

// NULL -> READY: what can be said without loading.
static void
gst_vlm_caption_open (GstVlmCaption * self)
{
  const Settings settings = self->priv->settings.copy ();
  check (settings);
  engine ().validate (settings.model.options<vlm::ModelOptions> ());
  if (settings.ocr)
    check_ocr (engine ());
}

static void
gst_vlm_caption_start (GstVlmCaption * self)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  const Settings settings = priv.settings.copy ();
  check (settings);
  priv.stream.start (settings);
  priv.frames = priv.undated = 0;
  priv.notices.reset ();
  priv.queue->start ();
  priv.asking->start ();
  priv.settings.running = true;
  const auto loaded = [queue = priv.queue, asks = priv.asking->queue ()] (
                          const std::shared_ptr<vlm::Worker> &worker) {
    if (worker) {
      queue->set_worker (worker);
      asks->set_worker (worker);
    } else {
      queue->fail ();
      asks->fail ();
    }
  };
  priv.loader.start (
      GST_ELEMENT (self), settings.model.options<vlm::ModelOptions> (), loaded);
}

static void
gst_vlm_caption_stop (GstVlmCaption * self)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  priv.settings.running = false;
  priv.queue->stop ();
  priv.outlets.stop ();
  priv.loader.cancel ();
  priv.asking->stop ();
}

static void
gst_vlm_caption_close (GstVlmCaption * self)
{
  self->priv->queue->drop_worker ();
  self->priv->asking->queue ()->drop_worker ();
  self->priv->loader.release ();
}

static GstStateChangeReturn
gst_vlm_caption_change_state (GstElement * element, GstStateChange transition)
{
  GstVlmCaption * self = GST_VLM_CAPTION (element);
  StateSteps steps;
  steps.open = [self] { gst_vlm_caption_open (self); };
  steps.start = [self] { gst_vlm_caption_start (self); };
  steps.stop = [self] { gst_vlm_caption_stop (self); };
  steps.rest = [self] {
    self->priv->asking->forget ();
    self->priv->stream.reset (); // the pictures of half a window
  };
  steps.close = [self] { gst_vlm_caption_close (self); };
  return change_state (
      element, transition, gst_vlm_caption_parent_class, steps);
}

// Properties

static GstStructure *
gst_vlm_caption_stats (GstVlmCaption * self)
{
  GstVlmCaptionPrivate &priv = *self->priv;
  const Counters c = priv.queue->counters ();
  const guint64 average = c.answered ? c.total_latency / c.answered : 0;
  return gst_structure_new ("vlmcaption-stats", "frames", G_TYPE_UINT64,
      priv.frames.load (), "undated", G_TYPE_UINT64, priv.undated.load (),
      "due", G_TYPE_UINT64, c.due, "answered", G_TYPE_UINT64, c.answered,
      "skipped-unchanged", G_TYPE_UINT64, c.skipped, "dropped", G_TYPE_UINT64,
      c.dropped, "failed", G_TYPE_UINT64, c.failed, "flushed", G_TYPE_UINT64,
      c.flushed, "reused", G_TYPE_UINT64, c.reused, "queue", G_TYPE_UINT64,
      static_cast<guint64> (c.queue), "last-latency", G_TYPE_UINT64,
      c.last_latency, "average-latency", G_TYPE_UINT64, average,
      "regions-left-out", G_TYPE_UINT64,
      priv.stream.region_totals ().left_out.load (), "drafted-tokens",
      G_TYPE_UINT64, static_cast<guint64> (c.saved.drafted), "accepted-tokens",
      G_TYPE_UINT64, static_cast<guint64> (c.saved.accepted),
      "reused-positions", G_TYPE_UINT64,
      static_cast<guint64> (c.saved.positions), "encodes-saved", G_TYPE_UINT64,
      static_cast<guint64> (c.saved.pictures), "shared-passes", G_TYPE_UINT64,
      static_cast<guint64> (c.saved.passes), NULL);
}

static void
gst_vlm_caption_set_property (
    GObject * object, guint id, const GValue * value, GParamSpec * spec)
{
  GstVlmCaptionPrivate &priv = *GST_VLM_CAPTION (object)->priv;
  priv.settings.set (GST_ELEMENT (object), id, value, spec);
  if (id == PROP_LATENCY)
    gst_element_post_message (
        GST_ELEMENT (object), gst_message_new_latency (GST_OBJECT (object)));
}

static void
gst_vlm_caption_get_property (
    GObject * object, guint id, GValue * value, GParamSpec *)
{
  GstVlmCaption * self = GST_VLM_CAPTION (object);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vlm_caption_stats (self));
  else
    self->priv->settings.copy ().get (id, value);
}

// Type

static void
gst_vlm_caption_finalize (GObject * object)
{
  delete GST_VLM_CAPTION (object)->priv;
  G_OBJECT_CLASS (gst_vlm_caption_parent_class)->finalize (object);
}

static void
gst_vlm_caption_class_init (GstVlmCaptionClass * klass)
{
  GObjectClass * object_class = G_OBJECT_CLASS (klass);
  GstElementClass * element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass * trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = gst_vlm_caption_set_property;
  object_class->get_property = gst_vlm_caption_get_property;
  object_class->finalize = gst_vlm_caption_finalize;
  install_properties (object_class);
  install_signals (klass,
      {gst_vlm_caption_ask, gst_vlm_caption_ask_at, gst_vlm_caption_cancel});

  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_vlm_caption_change_state);
  element_class->request_new_pad =
      GST_DEBUG_FUNCPTR (gst_vlm_caption_request_new_pad);
  element_class->release_pad = GST_DEBUG_FUNCPTR (gst_vlm_caption_release_pad);
  gst_element_class_add_static_pad_template (
      element_class, &caption_sink_template);
  gst_element_class_add_static_pad_template (
      element_class, &caption_src_template);
  for (GstStaticPadTemplate &each : outlet_templates)
    gst_element_class_add_static_pad_template_with_gtype (
        element_class, &each, GST_TYPE_VLM_TEXT_PAD);
  gst_element_class_set_static_metadata (element_class,
      "Video captions and answers", "Filter/Analyzer/Video",
      "Asks a vision-language model (Mini-Gemini) about frames; captions leave "
      "as metadata, bus messages, a signal and text buffers, video passes "
      "untouched",
      "The gst-vlm developers");

  never_drop_video (trans_class);
  trans_class->set_caps = GST_DEBUG_FUNCPTR (gst_vlm_caption_set_caps);
  trans_class->before_transform =
      GST_DEBUG_FUNCPTR (gst_vlm_caption_before_transform);
  trans_class->transform_ip = GST_DEBUG_FUNCPTR (gst_vlm_caption_transform_ip);
  trans_class->query = GST_DEBUG_FUNCPTR (gst_vlm_caption_query);
  trans_class->sink_event = GST_DEBUG_FUNCPTR (gst_vlm_caption_sink_event);
  trans_class->src_event = GST_DEBUG_FUNCPTR (gst_vlm_caption_src_event);

  register_caption_meta ();
  mark_as_plugin_api ({GST_TYPE_VLM_TEXT_PAD});
}

static void
gst_vlm_caption_init (GstVlmCaption * self)
{
  self->priv = new GstVlmCaptionPrivate (self);
  GstBaseTransform * trans = GST_BASE_TRANSFORM (self);
  gst_base_transform_set_in_place (trans, TRUE);
  gst_base_transform_set_passthrough (trans, FALSE);
  self->priv->parent_chain = GST_PAD_CHAINFUNC (trans->sinkpad);
  gst_pad_set_chain_function (trans->sinkpad, gst_vlm_caption_chain);
  gst_pad_set_iterate_internal_links_function (
      trans->sinkpad, gst_vlm_caption_iterate_links);
  gst_pad_set_iterate_internal_links_function (
      trans->srcpad, gst_vlm_caption_iterate_links);
}
