// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace vlm {

struct BenchDraftingOptions {
  std::string video; ///< a file that GStreamer can decode
  bool still =
      false;         ///< in its place a scene that stays as it is, of pictures that are all unequal
  std::string model; ///< checkpoint directory; empty: the embedded model
  std::string precision = "auto";
  std::string prompt = "Describe this image.";
  std::string reuse = "draft"; ///< the property of vlmcaption that is compared with none
  double interval = .2;        ///< seconds of video between captions; 0: every frame
  int64_t captions = 60;       ///< of each run, at most; fewer when the video is over
  int64_t max_tokens = 40;
  int64_t rounds = 3; ///< each runs both sides, one after the other
};

/// What reuse gains on a video. Runs `filesrc ! decodebin ! videoconvert ! vlmcaption ! fakesink`
/// in sync mode with reuse=none and with reuse=`reuse` in turn, from the first caption to the last,
/// and compares every answer with that of the first run. Prints for each run captions per second,
/// the time of decoding per caption and the share of drafted and of all tokens that were foretold
/// right; medians over the rounds. Throws Error when a pipeline fails or says nothing.
///
/// Returns {"model", "precision", "machine" (machine_probe.h), "video", "with", "captions",
/// "rounds": [{"none": {...}, "reuse":
/// {...}}], "none": {...}, "reuse": {...}, "ratio", "decode_ratio", "compared", "different"}; each
/// side has "captions_per_second", "decode_ms", "drafted_right", "tokens_foretold".
nlohmann::json bench_drafting(const BenchDraftingOptions &options);

} // namespace vlm
