// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/request.h"

#include "gst-plugin/picture/regions.h"

#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace gstvlm
{

constexpr const char * kCaptionMessage = "vlmcaption/caption";
constexpr const char * kAnswerMessage = "vlmcaption/answer";
constexpr const char * kRecordEvent = "vlmcaption/record";
constexpr const char * kCaptionMeta = "GstVlmCaptionMeta";

enum class Status {
  Ok,
  Truncated,
  SkippedUnchanged,
  Dropped,
  Failed,
  Undecodable, ///< failed: the frame could not be read
};

/// What is known only after the model answered.
struct Answer {
  const char * stop_reason;
  std::string prompt_digest; ///< SHA-256 of the rendered prompt
  std::string generation_prompt;
  std::string ocr_text; ///< what of the prompt was read in the pictures
  guint64 prompt_tokens, output_tokens, truncated_tokens;
  GstClockTime preprocess_time, vision_time, prefill_time, decode_time;
  std::optional<double> confidence;
};

/// One due frame and what became of it, or one question at run time: the record
/// of design 4.1. All times in nanoseconds; GST_CLOCK_TIME_NONE means that the
/// field is absent.
struct CaptionRecord {
  guint64 id = 0;       ///< order of admission
  guint64 sequence = 0; ///< order of delivery
  guint64 ask_id = 0;   ///< of a question at run time; 0: of a due frame
  Status status = Status::Ok;
  std::string text, question;
  GstClockTime pts = 0, duration = 0, window_start = 0, window_end = 0;
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  GstClockTime wall_clock = GST_CLOCK_TIME_NONE; ///< since the Unix epoch
  std::vector<GstClockTime> frames;
  std::optional<Region> region; ///< all that was looked at
  std::string model, model_digest;
  vlm::Sampling sampling;
  gint64 max_tokens = 0;
  GstClockTime queue_time = GST_CLOCK_TIME_NONE; ///< waiting, whatever for
  std::optional<Answer> answer;
  std::string error; ///< of a failed analysis

  bool failed () const
  {
    return status == Status::Failed || status == Status::Undecodable;
  }
  /// True when `text` says what the picture shows: such a record rides on
  /// frames.
  bool has_text () const
  {
    return status == Status::Ok || status == Status::Truncated ||
           status == Status::SkippedUnchanged;
  }
};

const char * name (Status status);
/// Of what failed like this.
Status status_of (const std::exception_ptr &error) noexcept;

std::string valid_utf8 (const std::string &text);

/// Takes over text and figures of an answer that was admitted `waited` ago.
void fill_answer (
    CaptionRecord &record, const vlm::Result &result, GstClockTime waited);

/// The record as a structure called `structure_name`: the only place that
/// spells the field names.
Ptr<GstStructure> to_structure (
    const CaptionRecord &record, const char * structure_name);

/// Registers the meta; safe to call more than once.
void register_caption_meta ();

/// Adds a caption meta with all fields of `record`, and `state` and `age`. With
/// several fresh records `all` holds every one of them (else it is empty). The
/// buffer must be writable.
void add_caption_meta (GstBuffer * buffer, const GstStructure * record,
    const char * state, GstClockTime age,
    const std::vector<const GstStructure *> &all);

} // namespace gstvlm
