// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/unet_work.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace vlm {
namespace {

constexpr double kTextPositions = 77;

bool holds(const std::string &name, const char *part) {
  return name.find(part) != std::string::npos;
}

/// The number behind `prefix`; -1 when the name begins otherwise.
int64_t block_number(const std::string &name, const std::string &prefix) {
  return name.rfind(prefix, 0) == 0 ? std::stoll(name.substr(prefix.size())) : -1;
}

/// How often the map that a product makes was halved. `last`: where the middle is.
int64_t halvings(const std::string &name, int64_t last) {
  const int64_t down = block_number(name, "down_blocks."), up = block_number(name, "up_blocks.");
  if (down >= 0)
    return down + holds(name, ".downsamplers.");
  if (up >= 0)
    return last - up - holds(name, ".upsamplers.");
  return name.rfind("mid_block.", 0) == 0 ? last : 0;
}

double positions(const std::string &name, double map) {
  if (holds(name, "time_emb") || holds(name, "add_embedding"))
    return 1;
  return holds(name, ".attn2.to_k.") || holds(name, ".attn2.to_v.") ? kTextPositions : map;
}

} // namespace

double unet_operations(const std::map<std::string, std::vector<int64_t>> &shapes, int64_t width,
                       int64_t height) {
  int64_t last = 0;
  for (const auto &[name, shape] : shapes)
    last = std::max(last, block_number(name, "down_blocks."));
  double total = 0;
  for (const auto &[name, shape] : shapes) {
    if (shape.size() < 2)
      continue;
    double map = 1;
    for (int64_t side : {width, height}) {
      for (int64_t i = halvings(name, last); i > 0; --i)
        side = (side + 1) / 2;
      map *= static_cast<double>(side);
    }
    total += 2 * positions(name, map) *
             std::accumulate(shape.begin(), shape.end(), 1.0, std::multiplies<>());
    const double others = holds(name, ".attn1.to_q.") ? map : kTextPositions;
    if (holds(name, ".to_q.")) // scores, and what they mix
      total += 4 * map * others * static_cast<double>(shape[0]);
  }
  return total;
}

} // namespace vlm
