// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/integer_kernels.h"

#include "model/core/machine.h"

namespace vlm {

extern const IntegerKernels portable_kernels;
#if defined(__x86_64__)
extern const IntegerKernels avx2_kernels, vnni_kernels;
#endif

const std::vector<const IntegerKernels *> &integer_kernels() {
  static const std::vector<const IntegerKernels *> all = [] {
    std::vector<const IntegerKernels *> out;
#if defined(__x86_64__)
    if (cpu_has_vnni())
      out.push_back(&vnni_kernels);
    out.push_back(&avx2_kernels); // which the whole build assumes
#endif
    out.push_back(&portable_kernels);
    return out;
  }();
  return all;
}

} // namespace vlm
