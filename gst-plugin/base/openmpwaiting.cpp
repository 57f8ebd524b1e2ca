// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/base/openmpwaiting.h"

#include <glib.h>

#include <dlfcn.h>
#include <thread>
#include <unistd.h>

namespace gstvlm
{
namespace
{

using Parallel = void (*) (void (*) (void *), void *, unsigned, unsigned);
using Count = int (*) ();

template <typename Function>
Function
find (void * library, const char * name)
{
  return reinterpret_cast<Function> (dlsym (library, name));
}

void
do_nothing (void *)
{
}

} // namespace

// GCC's runtime reads OMP_WAIT_POLICY from the environment only, which belongs
// to the application. But it does not spin either while there are more threads
// in its teams than processors: a team that sleeps for ever sees to that.
void
let_openmp_threads_sleep (void * library)
{
  const auto parallel = find<Parallel> (library, "GOMP_parallel");
  const auto processors = find<Count> (library, "omp_get_num_procs");
  if (!parallel || !processors || g_getenv ("OMP_WAIT_POLICY") ||
      g_getenv ("GOMP_SPINCOUNT"))
    return;
  std::thread ([parallel, processors] {
    const unsigned team = static_cast<unsigned> (processors ()) + 1;
    parallel (do_nothing, nullptr, team, 0);
    for (;;)
      pause ();
  }).detach ();
}

} // namespace gstvlm
