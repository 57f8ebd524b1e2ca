// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace gstvlm
{

/// Lets the threads of the OpenMP runtime that `library` (of dlopen) depends on
/// sleep while they wait. By default they spin for milliseconds, which takes
/// the cores from video and makes the model ten times slower as soon as one
/// core is busy. Does nothing when the environment says how to wait.
void let_openmp_threads_sleep (void * library);

} // namespace gstvlm
