// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace vlm {

/// `vlm-train painter`: argv[0] is "painter". Returns the program's exit status.
int train_painter(int argc, char **argv);

} // namespace vlm
