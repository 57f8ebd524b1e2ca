// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace vlm {

/// Sets what OpenMP and OpenBLAS read from the environment in the moment they are loaded:
/// - OMP_WAIT_POLICY=passive, unless it is set: threads that wait sleep. Spinning ones take the
///   cores from video and other work, and small products become up to a hundred times slower as
///   soon as one core is busy.
/// - GOMP_SPINCOUNT=1000, unless one of the two is set: before they sleep they look around for some
///   20 us, which is about the pause between two products of decoding. A virtual machine takes
///   longer than that to wake one.
/// - no OPENBLAS_CORETYPE: an inherited one can halve its speed.
/// Returns whether anything had to change. Only for programs: a library leaves the environment to
/// the application.
bool prepare_environment();

/// For programs that link these libraries, first thing in main(): starts the program once more,
/// with the same arguments, if its environment had to change. Returns otherwise.
void restart_prepared(char **argv);

} // namespace vlm
