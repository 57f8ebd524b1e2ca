// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <cstdint>

namespace vlm {

/// Pictures of one size in a grid, row by row, as large as they are.
class PaintedSheet {
public:
  /// Error(Memory) naming the count, with both figures, before anything is allocated when the sheet
  /// and its copy while it is written do not fit into `memory_left` bytes. Both sides in pixels.
  PaintedSheet(int64_t count, int width, int height, uint64_t memory_left);

  /// The next one. Error(Settings) for one of another size, or too many.
  void add(const Image &picture);
  const Image &image() const { return sheet_; }

private:
  static constexpr int kMargin = 8;

  int64_t count_, columns_, added_ = 0;
  int width_, height_;
  Image sheet_;
};

} // namespace vlm
