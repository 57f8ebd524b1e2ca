// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace vlm::test {

/// What the fake engine has seen since the last reset.
struct FakeSeen {
  int loads = 0;        ///< models loaded (not: opened)
  int begun = 0;        ///< requests that the model began with
  int ended = 0;        ///< requests that were answered, failed or gave up
  int cancelled = 0;    ///< of those, the ones that gave up
  int most_at_once = 0; ///< requests of one model in progress at the same time
  int validated = 0;
  ModelOptions validated_options; ///< of the last of those, if it was no painter
  ModelOptions options;           ///< of the last open()
  Request last;                   ///< the request begun last
  std::vector<std::string> questions;
  std::vector<std::vector<Turn>> turns; ///< of the same requests
  std::vector<bool> generate;           ///< whether the same requests asked for a generation prompt
  std::vector<uint64_t> seeds;          ///< of the same requests
  std::vector<std::optional<std::chrono::steady_clock::time_point>> deadlines; ///< likewise
  std::vector<std::shared_ptr<PictureMemory>> memories; ///< of the same requests
  // The counters above count pictures, too.
  PainterOptions painter;           ///< of the last open_painter()
  std::vector<PaintRequest> paints; ///< pictures begun
};

/// The other side of an engine without a model: the test decides what it answers or paints
/// (fake_painting.h), and when. One per
/// process; found by opening the same library that GST_VLM_ENGINE names. Any thread.
class FakeEngine {
public:
  virtual ~FakeEngine() = default;

  /// Opens all gates, waits for all threads to end, forgets scripts and counters. Every element
  /// must be gone.
  virtual void reset() = 0;

  /// From now on every request stops before its answer; release() lets all go on, step() one.
  virtual void hold() = 0;
  virtual void release() = 0;
  virtual void step() = 0;
  /// A held request does not notice that it was cancelled, like a layer in the middle of its work.
  virtual void deaf() = 0;
  /// Every preview of a picture takes until release(), like a decoding in the middle of its work.
  virtual void hold_previews() = 0;
  /// open() stops until release() or until its caller cancels.
  virtual void hold_open() = 0;

  /// What is read in pictures; default: nothing.
  virtual void read(const std::string &text) = 0;
  /// Answers in this order, the last one for ever. Default: "answer 1", "answer 2" ...
  virtual void script(std::vector<std::string> answers) = 0;
  virtual void stop_with(StopReason reason) = 0;
  /// Of models that are loaded from now on; default 0, unknown.
  virtual void room(int64_t context_length, int64_t tokens_per_image) = 0;
  /// So many positions of every prompt were cut off.
  virtual void truncate(int64_t positions) = 0;
  virtual void fail_request(int nth, ErrorCategory category, const std::string &message) = 0;
  /// By std::bad_alloc, whatever fail_request() said.
  virtual void run_out_of_memory(int nth) = 0;
  /// From now on every request with a deadline has missed it when its turn comes.
  virtual void expire() = 0;
  virtual void fail_open(ErrorCategory category, const std::string &message) = 0;
  virtual void fail_ocr(ErrorCategory category, const std::string &message) = 0;
  virtual void fail_validate(ErrorCategory category, const std::string &message) = 0;

  /// Waits until this many requests began or ended. False after ten seconds.
  virtual bool wait_begun(int count) = 0;
  virtual bool wait_ended(int count) = 0;
  virtual bool wait_opening() = 0;
  /// Likewise, until a preview was begun.
  virtual bool wait_previewing() = 0;

  virtual FakeSeen seen() = 0;
};

constexpr const char *kFakeEntryName = "fake_engine";
using FakeEntry = FakeEngine *(*)();

} // namespace vlm::test
