// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace vlm {

/// How the next token is chosen. Order as in Hugging Face: temperature, top-k, top-p.
struct Sampling {
  double temperature = 0; ///< 0: always the most probable token (greedy)
  int64_t top_k = 50;     ///< 0: no limit
  double top_p = 1;       ///< in (0, 1]
  uint64_t seed = 0;
};

} // namespace vlm
