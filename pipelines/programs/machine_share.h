// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pipelines/programs/caption_work.h"
#include "pipelines/programs/machine_probe.h"

namespace vlm {

/// What part of the machine's peaks of the moment a model reaches.
class MachineShares {
public:
  MachineShares(CaptionWork work, std::string precision)
      : work_(std::move(work)), precision_(std::move(precision)) {}

  /// A stage of CaptionWork took so many seconds, right after `machine` was probed; others are
  /// passed over.
  void add_stage(const std::string &stage, double seconds, const MachineProbes &machine);
  void add_decode(double tokens_per_second, const MachineProbes &machine);

  /// {STAGE: {"median", "min", "max", "of"}}, parts of 1 of what MachineProbes calls "of"; that of
  /// "decode" is "read".
  nlohmann::json figures() const;

private:
  CaptionWork work_;
  std::string precision_;
  std::map<std::string, Samples> shares_;
  std::map<std::string, std::string> of_;
};

/// "  83 % of int8 products" of a stage in figures(); empty without one.
std::string share_text(const nlohmann::json &figures, const std::string &stage);

} // namespace vlm
