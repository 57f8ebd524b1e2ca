// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pipelines/programs/spread.h"

namespace vlm {

/// What the machine gives from moment to moment: it changes by the second on a shared one, so a
/// measured time means little without these around it.
class MachineProbes {
public:
  /// `threads`: 0 is all that the process may use.
  explicit MachineProbes(int threads = 0);

  /// Takes about half a second, before each measurement and after the last. On the thread that
  /// computes, if any of this process does. Its memory does not count as the process's peak.
  void take();

  /// What was last read of one of figures()' names.
  double last(const std::string &name) const { return rates_.at(name).back(); }
  /// The name of a precision's products: "int8" of int4, and "float32" of bfloat16 where the
  /// processor has none of its own.
  std::string product_name(const std::string &precision) const;

  /// {"threads", "clock", "read", "float32", "bfloat16", "int8"}: cycles per second of one core,
  /// bytes per second that all threads together read from memory, and operations per second of a
  /// product of 640 x 4096 x 4096 by oneDNN; all with "median", "min", "max", and what the first
  /// and the last reading gave, "before" and "after". Without "bfloat16" where the processor does
  /// not have it.
  nlohmann::json figures() const;

private:
  int threads_;
  std::map<std::string, Samples> rates_;
};

/// "machine, 2 threads: clock 3.7 GHz (3.7 before, 3.7 after, 3.6 to 3.7), reads 52.1 GB/s ..." of
/// figures().
std::string machine_line(const nlohmann::json &figures);

} // namespace vlm
