// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

struct BenchCaptionOptions {
  std::string model;                              ///< checkpoint directory; empty: the embedded one
  std::vector<std::string> precisions = {"auto"}; ///< all are loaded at once, and take turns
  std::string device = "cpu";
  int64_t rounds = 3;
  int64_t max_tokens = 40;
  int threads = 0;  ///< 0: all that the process may use
  int64_t idle = 0; ///< seconds, after which each captions once more; 0: not
};

/// One picture after the other, captioned by each precision in turn, with a probe of the machine
/// before each. Told apart: the first caption of each, and the one after idle seconds.
///
/// Returns {"model", "device", "image_size", "tokens_in", "tokens_out", "peak_bytes", "machine"
/// (machine_probe.h), "precisions": {NAME: {"load", "first", "weight_bytes", "caption",
/// "after_idle" (if wanted), "stages": {"preprocess", "vision_tower", "vision_tower_aux", "mining",
/// "projector", "prefill", "decode"}, "prefill_rate", "decode_rate", "shares" (machine_share.h)}}}:
/// seconds, and tokens per second; all that was measured more than once is {"median", "min",
/// "max"}.
nlohmann::json bench_caption(const BenchCaptionOptions &options);

/// What bench_caption() returned, as tables: whole captions, or their stages.
void print_captions(const nlohmann::json &result);
void print_stages(const nlohmann::json &result);

} // namespace vlm
