// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

struct BenchStreamsOptions {
  std::string model; ///< checkpoint directory; empty: the embedded model
  std::string precision = "auto";
  std::string device = "cpu";
  std::vector<int64_t> streams = {1, 2, 4, 8};
  int64_t captions = 2;    ///< of each stream
  int64_t max_tokens = 40; ///< of each caption
};

/// What several streams get from one model. Each stream is a client of the worker that asks about
/// its next picture as soon as it has the answer about the last. Every stream is also run alone:
/// that is the rate of one stream, and what its answers are compared with. Prints captions and
/// tokens per second, the ratio to one stream, and the answers that differ.
///
/// Returns {"model", "precision", "tokens_in", "peak_bytes", "machine" (machine_probe.h), "runs":
/// [{"streams", "captions_per_second", "tokens_per_second", "wait" (seconds from question to
/// answer: "median", "min", "max"), "wait_p95", "ratio", "mismatches", "answers"}]}; the first run
/// is that of single streams.
nlohmann::json bench_streams(const BenchStreamsOptions &options);

} // namespace vlm
