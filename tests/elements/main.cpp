// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
