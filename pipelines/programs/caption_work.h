// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/model_config.h"

#include <map>
#include <string>
#include <vector>

namespace vlm {

/// What a caption has to compute and to read at the least, whoever does it.
struct CaptionWork {
  /// Of matrix products, convolutions and attention, two for each multiplication; the rest is small
  /// beside them. By stage: "vision_tower", "vision_tower_aux", "mining", "projector" (one picture)
  /// and "prefill".
  std::map<std::string, double> operations;
  double token_bytes = 0; ///< that each written token reads: weights, keys and values
};

/// `shapes`: the tensors of a checkpoint by name, plain or packed by vlm-quantize; `precision`: in
/// which they are held; `positions`: of the prompt.
CaptionWork caption_work(const std::map<std::string, std::vector<int64_t>> &shapes,
                         const ModelConfig &config, const std::string &precision,
                         int64_t positions);

/// The same of a checkpoint directory.
CaptionWork caption_work(const std::string &directory, const std::string &precision,
                         int64_t positions);

} // namespace vlm
