// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/painted_sheet.h"

#include "model/core/error.h"
#include "model/core/machine.h"

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

constexpr size_t kChannels = 3;

int64_t columns_of(int64_t count) {
  return static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
}

} // namespace

PaintedSheet::PaintedSheet(int64_t count, int width, int height, uint64_t memory_left)
    : count_(count), columns_(columns_of(count)), width_(width), height_(height) {
  const int64_t rows = (count + columns_ - 1) / columns_;
  const int64_t sheet_width = kMargin + columns_ * (width + kMargin),
                sheet_height = kMargin + rows * (height + kMargin);
  const uint64_t bytes = kChannels * static_cast<uint64_t>(sheet_width * sheet_height);
  if (2 * bytes > memory_left)
    fail(ErrorCategory::Memory, "--count ", count, ": a sheet of ", sheet_width, "x", sheet_height,
         " needs ", gigabytes(2 * bytes), " of memory, but only ", gigabytes(memory_left),
         " are left");
  sheet_.width = static_cast<int>(sheet_width);
  sheet_.height = static_cast<int>(sheet_height);
  sheet_.rgb.resize(bytes, 255);
}

void PaintedSheet::add(const Image &picture) {
  if (picture.width != width_ || picture.height != height_ || added_ == count_)
    fail(ErrorCategory::Settings, "picture ", added_ + 1, " of ", picture.width, "x",
         picture.height, " has no place on a sheet of ", count_, " of ", width_, "x", height_);
  const int64_t left = kMargin + added_ % columns_ * (width_ + kMargin),
                top = kMargin + added_ / columns_ * (height_ + kMargin);
  const auto row_bytes = static_cast<ptrdiff_t>(kChannels) * width_;
  for (int64_t y = 0; y < height_; ++y)
    std::copy_n(picture.rgb.begin() + y * row_bytes, row_bytes,
                sheet_.rgb.begin() +
                    static_cast<ptrdiff_t>(kChannels) * ((top + y) * sheet_.width + left));
  ++added_;
}

} // namespace vlm
