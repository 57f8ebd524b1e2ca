// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/environment.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace vlm {

bool prepare_environment() {
  const bool chosen = getenv("OMP_WAIT_POLICY"), core_type = getenv("OPENBLAS_CORETYPE");
  if (!chosen)
    setenv("GOMP_SPINCOUNT", "1000", /*overwrite=*/0);
  setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  unsetenv("OPENBLAS_CORETYPE");
  return !chosen || core_type;
}

void restart_prepared(char **argv) {
  if (!prepare_environment())
    return;
  std::error_code error; // by its own name, or ps and top would call it "exe"
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  execv(program.c_str(), argv); // when this fails, the program is merely slower
}

} // namespace vlm
