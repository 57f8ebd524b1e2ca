// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/caption/captionqueue.h"
#include "gst-plugin/caption/moment.h"
#include "gst-plugin/settings/gstvlmsettings.h"
#include "gst-plugin/settings/promptwatch.h"

#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace gstvlm
{

/// How a stream plays.
struct StreamState {
  GstSegment segment;
  std::string id;
  std::optional<bool> async; ///< decided at the first frame
  bool live = false;

  bool is_async () const { return async.value_or (false); }
  TextPlace text_place (const Settings &settings) const;
};

/// What `auto` stands for.
GstVlmQueuePolicy effective_policy (GstVlmQueuePolicy policy, bool async);

/// What is known about a moment before anybody was asked.
CaptionRecord record_of (
    const Moment &moment, const Settings &settings, const StreamState &stream);

/// Turns moments into jobs. Streaming thread only (or while it is stopped).
class JobMaker
{
public:
  /// The element starts with these settings, which were checked.
  void start (const Settings &settings);
  /// What comes is compared with nothing before it.
  void forget ();

  /// The jobs of a moment, one per question: analyse, repeat, or settled when
  /// it is dropped or unusable. Where it is analysed, one per region follows.
  std::vector<Job> make (const Moment &moment, const Settings &settings,
      const StreamState &stream, CaptionQueue &queue);
  /// The jobs of the moment at `pts` went to the model. What is to be posted
  /// about it, if anything.
  Ptr<GstStructure> analysed (GstClockTime pts, const Settings &settings);

private:
  void check_changed (const Settings &settings);
  std::exception_ptr refusal (const Settings &settings);
  static std::vector<Job> refused (const Moment &moment,
      const Settings &settings, const StreamState &stream,
      const std::exception_ptr &why);
  Job make_one (const Moment &moment, const Settings &settings,
      const StreamState &stream, CaptionQueue &queue);
  bool unchanged (
      const Moment &moment, const Settings &settings, CaptionQueue &queue);

  guint64 checked_ = 0; ///< version of the last settings that can be asked
  ChangeGate gate_;
  PromptWatch prompts_;
  std::optional<LumaGrid> grid_; ///< of the frame last looked at
};

} // namespace gstvlm
