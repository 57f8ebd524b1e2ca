// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <dlfcn.h>
#include <thread>

// What loading the engine does to the process. In child processes: this one has its engine already.

namespace vlm::test {
namespace {

void load_engine() {
  const Own<GstElement> element(
      GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("vlmcaption", nullptr))));
  ASSERT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(element.get(), GST_STATE_NULL);
}

TEST(Engine, LeavesTheEnvironmentToTheApplication) {
  EXPECT_TRUE(passes_in_child("DISABLED_Child.Environment", "OPENBLAS_CORETYPE", "Prescott"));
}

TEST(DISABLED_Child, Environment) {
  gchar **before = g_get_environ();
  load_engine();
  gchar **after = g_get_environ();
  EXPECT_TRUE(g_strv_equal(before, after));
  g_strfreev(before);
  g_strfreev(after);
}

// More threads than processors: then GCC's OpenMP runtime does not spin.
TEST(Engine, ItsWaitingThreadsSleep) {
  EXPECT_TRUE(passes_in_child("DISABLED_Child.WaitingThreads", "VLM_TEST", "1"));
}

TEST(DISABLED_Child, WaitingThreads) {
  g_unsetenv("OMP_WAIT_POLICY");
  g_unsetenv("GOMP_SPINCOUNT");
  load_engine();
  void *library = dlopen(g_getenv("GST_VLM_ENGINE"), RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(library);
  const auto largest = reinterpret_cast<unsigned (*)()>(dlsym(library, "fake_largest_team"));
  while (largest() == 0)
    std::this_thread::yield();
  EXPECT_EQ(largest(), 3u); // of two processors
}

} // namespace
} // namespace vlm::test
