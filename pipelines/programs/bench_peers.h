// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

struct BenchPeersOptions {
  std::string model;                                                  ///< checkpoint directory
  std::vector<std::string> precisions = {"bfloat16", "int8", "int4"}; ///< each has a counterpart
  int64_t rounds = 3;
  int64_t tokens_in = 640, tokens_out = 32;
  int threads = 0; ///< 0: all that the process may use
};

/// The decoder's two halves beside llama.cpp (llama_cpp.h), which gets a model of the same shape
/// with random weights in the type that is nearest to a precision: reading a prompt, and writing
/// tokens after a prompt that is all but empty. In every round the two take turns, with a probe of
/// the machine before each. One precision comes after the other, so that only one of our models
/// is in memory at a time.
///
/// Returns {"model", "peer", "threads", "tokens_in", "tokens_out", "machine" (machine_probe.h),
/// "pairs": {PRECISION: {"type", "prefill": {"vlm", "peer", "ratio", "goal"}, "decode", "shares"
/// (machine_share.h, of ours)}}}: tokens per second, and ratios of the two in a round; each
/// {"median", "min", "max"}. "goal", a ratio, only where there is one. Prints a table of it as it
/// goes.
///
/// Throws Settings, before anything is loaded, for a precision without a counterpart, a model that
/// llama.cpp gets no shape of (Mixtral), or OpenMP threads that are told to spin; otherwise as
/// LlamaCpp does.
nlohmann::json bench_peers(const BenchPeersOptions &options);

} // namespace vlm
