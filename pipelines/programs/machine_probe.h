// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pipelines/programs/spread.h"

namespace vlm {

/// What the machine gives from moment to moment: it changes by the second on a shared one, so a
/// measured time means little without these around it.
class MachineProbes {
public:
  /// Takes about half a second. On the thread that computes: products run on the threads that
  /// set_threads() allowed it, as the model's do; reading uses `threads`.
  void take(int threads);

  /// Spreads of "read", bytes per second that all threads together read from memory, and of the
  /// operations per second of a product of 640 x 4096 x 4096: "float32", and "bfloat16" where the
  /// processor has it.
  nlohmann::json figures() const { return spreads(rates_); }

private:
  std::map<std::string, Samples> rates_;
};

/// "machine, 2 threads: reads 52.1 (50.3 to 53.0) GB/s, ..." of figures().
std::string machine_line(const nlohmann::json &figures, int threads);

} // namespace vlm
