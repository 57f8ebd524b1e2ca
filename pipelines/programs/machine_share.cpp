// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/machine_share.h"

#include <cmath>

namespace vlm {

void MachineShares::add_stage(const std::string &stage, double seconds,
                              const MachineProbes &machine) {
  const auto work = work_.operations.find(stage);
  if (work == work_.operations.end() || seconds <= 0)
    return;
  // The matrices of mining are never quantised (held_in).
  const bool floats = stage == "mining" && (precision_ == "int8" || precision_ == "int4");
  of_[stage] = machine.product_name(floats ? "bfloat16" : precision_);
  shares_[stage].push_back(work->second / seconds / machine.last(of_[stage]));
}

void MachineShares::add_decode(double tokens_per_second, const MachineProbes &machine) {
  of_["decode"] = "read";
  shares_["decode"].push_back(tokens_per_second * work_.token_bytes / machine.last("read"));
}

nlohmann::json MachineShares::figures() const {
  nlohmann::json out = spreads(shares_);
  for (const auto &[stage, name] : of_)
    out[stage]["of"] = name;
  return out;
}

std::string share_text(const nlohmann::json &figures, const std::string &stage) {
  const auto found = figures.find(stage);
  if (found == figures.end())
    return {};
  const auto percent = std::lround(100 * (*found)["median"].get<double>());
  const auto of = (*found)["of"].get<std::string>();
  return "  " + std::to_string(percent) + " % of " + (of == "read" ? "reading" : of + " products");
}

} // namespace vlm
