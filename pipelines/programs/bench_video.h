// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace vlm {

struct BenchVideoOptions {
  std::string model; ///< checkpoint directory; empty: the embedded model
  std::string precision = "auto";
  int width = 1920, height = 1080, rate = 60;
  double seconds = 10; ///< of each run
  int64_t rounds = 3;  ///< each runs both pipelines, one after the other
};

/// What live video loses to the model. Runs `videotestsrc is-live pattern=ball ! ELEMENT ! fakesink
/// sync` with identity and with vlmcaption (interval 0: the model is never idle, and no picture is
/// equal to another: it encodes each) in turn, and prints for each
/// the frames that reached the sink in time, the time a frame spent in the element, and the
/// processor time of the streaming thread. Medians over the rounds. Throws Error when a pipeline
/// fails.
///
/// Returns {"identity": {...}, "vlmcaption": {...}, "on_time_ratio", "added_p99_ms", "machine"
/// (machine_probe.h), "rounds": [...]}; times in milliseconds. Those of vlmcaption in a round have
/// its "answers" and "encodes_saved", pictures that it did not have to encode.
nlohmann::json bench_video(const BenchVideoOptions &options);

} // namespace vlm
