// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/picture/latepicture.h"
#include "gst-plugin/record/gstvlmrecord.h"
#include "gst-plugin/settings/prompttemplate.h"
#include "gst-plugin/text/outlets.h"
#include "gst-plugin/tokens/tokensmeta.h"
#include "model/engine/engine.h"

#include <chrono>
#include <exception>
#include <memory>
#include <string>

namespace gstvlm
{

/// A due frame, or a window, on its way with one question.
struct Job {
  using Clock = std::chrono::steady_clock;
  enum class Kind {
    Analyse, ///< the model is asked
    Repeat,  ///< nothing changed: takes over what the job before it says
    Settled, ///< its record says already what became of it (dropped, failed)
  };
  Kind kind = Kind::Analyse;
  CaptionRecord record;
  std::string prompt;         ///< as it was set: what makes questions the same
  OpenQuestion question;      ///< that prompt at this moment
  vlm::Request request;       ///< Analyse; without question and pictures
  LatePictures images;        ///< in order of time
  size_t text_bytes = 0;      ///< of the longest question about them
  size_t images_left_out = 0; ///< for want of room in the model's context
  std::shared_ptr<const Tokens> tokens; ///< of an encoder before; may be null
  std::exception_ptr error;             ///< why it failed
  bool leads = true;        ///< first question of its frame; set by admit()
  Outlets::Places places{}; ///< on the request pads
  bool prompts = false;     ///< generation prompts are passed on
  guint history = 0;        ///< earlier answers that the model is reminded of
  std::string conversation; ///< of another one nothing is remembered
  TextPlace text_place = TextPlace::Kept; ///< on the request pads
  /// How long an answer may take, as was told to the pipeline; none: no limit.
  GstClockTime latency = GST_CLOCK_TIME_NONE;
  GstClockTime gathered = 0; ///< how long ago its time began when it was due
  Clock::time_point admitted = Clock::now ();
  guint64 stream = 0, epoch = 0; ///< set by admit()
  bool running = false;

  GstClockTime age () const; ///< since it was due
  bool waits_for_model () const { return kind == Kind::Analyse && !running; }
  /// As the model was asked; what was read in the pictures is gone with them.
  std::string message () const;

  /// Makes the request's pictures those that the model has room for. They are
  /// converted on its thread.
  void give_images (const vlm::ModelInfo &info);
  void drop ();
  void fail (std::exception_ptr why);
};

} // namespace gstvlm
