// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/environment.h"

#include "model/core/user_folders.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace vlm {
namespace {

TEST(Environment, IsPreparedOnce) {
  unsetenv("OMP_WAIT_POLICY");
  unsetenv("GOMP_SPINCOUNT");
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  EXPECT_TRUE(prepare_environment());
  EXPECT_STREQ(getenv("OMP_WAIT_POLICY"), "passive");
  EXPECT_STREQ(getenv("GOMP_SPINCOUNT"), "1000");
  EXPECT_EQ(getenv("OPENBLAS_CORETYPE"), nullptr);
  EXPECT_FALSE(prepare_environment());
}

TEST(Environment, AChosenPolicyStays) {
  setenv("OMP_WAIT_POLICY", "active", 1);
  unsetenv("GOMP_SPINCOUNT");
  EXPECT_FALSE(prepare_environment());
  EXPECT_STREQ(getenv("OMP_WAIT_POLICY"), "active");
  EXPECT_EQ(getenv("GOMP_SPINCOUNT"), nullptr);
}

TEST(UserFolders, AreWhereTheEnvironmentSays) {
  for (const char *name : {"XDG_STATE_HOME", "XDG_CACHE_HOME", "GST_VLM_CACHE_DIR"})
    unsetenv(name);
  setenv("HOME", "/home/someone", 1);
  EXPECT_EQ(user_state_folder("train"), "/home/someone/.local/state/gst-vlm/train");
  EXPECT_EQ(user_cache_folder("packed"), "/home/someone/.cache/gst-vlm/packed");
  setenv("XDG_STATE_HOME", "/state", 1);
  setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(user_state_folder("train"), "/state/gst-vlm/train");
  EXPECT_EQ(user_cache_folder("packed"), "/cache/gst-vlm/packed");
  setenv("GST_VLM_CACHE_DIR", "mine", 1);
  EXPECT_EQ(user_cache_folder("packed"), "mine/packed");
  setenv("GST_VLM_CACHE_DIR", "", 1);
  EXPECT_EQ(user_cache_folder("packed"), "");
  unsetenv("GST_VLM_CACHE_DIR");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(user_cache_folder("packed"), "/home/someone/.cache/gst-vlm/packed");
  unsetenv("HOME");
  unsetenv("XDG_STATE_HOME");
  EXPECT_EQ(user_cache_folder("packed"), "");
  EXPECT_EQ(user_state_folder("train"), "./gst-vlm/train");
}

} // namespace
} // namespace vlm
