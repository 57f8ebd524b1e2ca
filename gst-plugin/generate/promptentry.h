// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/generate/pictureoutlet.h"
#include "gst-plugin/generate/promptlines.h"

#include <atomic>

namespace gstvlm
{

/// The way in for prompts: what is a prompt, whether there is room, and who is
/// told when there is not. For the streaming thread, but for call(),
/// asked_by(), may_lose() and reset().
class PromptEntry
{
public:
  PromptEntry (GstElement * element, std::shared_ptr<PromptQueue> queue,
      PictureOutlet &outlet)
      : element_ (element), queue_ (std::move (queue)), outlet_ (outlet)
  {
  }

  /// A stream begins, or goes on behind a flush. No thread may be in here.
  void new_stream ();
  /// Prompts are counted from one again.
  void reset ();

  /// Whether prompts may be left out when time runs short.
  bool may_lose (const GenerateSettings &settings) const;

  /// False, and an error, for one that goes backwards.
  bool set_segment (GstEvent * event);
  void gap (GstEvent * event);
  /// Text from `sink`. May wait for room. Throws Error(Data) for what is no
  /// text, unless settings.on_error says that it is a warning.
  GstFlowReturn buffer (
      GstPad * sink, GstBuffer * buffer, const GenerateSettings &settings);
  /// The last line has no end.
  void end (const GenerateSettings &settings);

  /// A prompt of the application. Any thread. Its id, or 0 and a warning when
  /// it was refused.
  guint64 call (const gchar * text, const GenerateSettings &settings);
  /// Whether the event asks for a picture; then it was queued. One that comes
  /// on several ways counts once. Any thread.
  bool asked_by (GstEvent * event, const GenerateSettings &settings);

private:
  std::optional<Prompt> prompt_of (
      std::string text, const GenerateSettings &settings);
  GstFlowReturn text (std::string text, GstClockTime pts, GstClockTime duration,
      const GenerateSettings &settings);
  GstFlowReturn lines (
      const std::vector<std::string> &lines, const GenerateSettings &settings);
  GstFlowReturn admit (Prompt prompt, const GenerateSettings &settings);
  bool dated () const { return segment_.format == GST_FORMAT_TIME; }

  GstElement * element_;
  std::shared_ptr<PromptQueue> queue_;
  PictureOutlet &outlet_;

  GstSegment segment_{};
  PromptLines lines_;
  bool asked_live_ = false; ///< whether upstream is live

  std::atomic<guint64> last_id_{0};
  std::atomic<guint32> last_event_{GST_SEQNUM_INVALID};
};

} // namespace gstvlm
