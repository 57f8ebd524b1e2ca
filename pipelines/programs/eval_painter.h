// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace vlm {

/// `vlm-eval painter`: argv[0] is "painter". Returns the program's exit status.
int eval_painter(int argc, char **argv);

} // namespace vlm
