// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/environment.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace vlm {
namespace {

TEST(Environment, IsPreparedOnce) {
  unsetenv("OMP_WAIT_POLICY");
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  EXPECT_TRUE(prepare_environment());
  EXPECT_STREQ(getenv("OMP_WAIT_POLICY"), "passive");
  EXPECT_EQ(getenv("OPENBLAS_CORETYPE"), nullptr);
  EXPECT_FALSE(prepare_environment());
}

TEST(Environment, AChosenPolicyStays) {
  setenv("OMP_WAIT_POLICY", "active", 1);
  EXPECT_FALSE(prepare_environment());
  EXPECT_STREQ(getenv("OMP_WAIT_POLICY"), "active");
}

} // namespace
} // namespace vlm
