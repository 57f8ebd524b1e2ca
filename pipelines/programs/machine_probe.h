// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace vlm {

/// What the machine gives at one moment. Both change by the second on a shared one, so a measured
/// time means little without the probes around it.
struct MachineProbe {
  double read = 0;     ///< bytes per second that all threads together read from memory
  double float32 = 0;  ///< operations per second of a float32 product of 640 x 4096 x 4096
  double bfloat16 = 0; ///< of the same product in bfloat16; 0 where the processor has none
};

/// Takes about half a second. On the thread that computes: products run on the threads that
/// set_threads() allowed it, as the model's do; reading uses `threads`.
MachineProbe probe_machine(int threads);

} // namespace vlm
