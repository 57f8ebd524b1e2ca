// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <cstdint>

namespace vlm {

/// A picture of 768 x 576 to measure with: no two are alike, the same one comes back for the same
/// numbers.
Image bench_picture(int64_t stream, int64_t number);

} // namespace vlm
