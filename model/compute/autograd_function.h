// SPDX-License-Identifier: LGPL-2.1-or-later
// torch::autograd::Function. In its apply(), GCC 14 takes the reserve() of an empty vector<bool>
// for a copy past its end, and says so wherever apply() is called.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
#ifndef __clang__ // which does not know it
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif
#include <torch/csrc/autograd/custom_function.h>
#pragma GCC diagnostic pop
