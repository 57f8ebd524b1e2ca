// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/bicubic.h"

#include "model/compute/threads.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace vlm {
namespace {

constexpr int kPrecision = 22; // bits behind the point of a weight
constexpr int32_t kHalf = 1 << (kPrecision - 1);
constexpr int kRows = 8; // rows that the horizontal pass takes at once
constexpr int kStep = kRows * 3;

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// Which source pixels make an output pixel: `weights` holds `stride` places for each output.
struct Taps {
  int stride = 0;
  std::vector<int> first, count;
  std::vector<int32_t> weights;
};

void put_taps(Taps &taps, int in, double scale, int output) {
  const double stretch = std::max(scale, 1.0), support = 2 * stretch;
  const double center = (output + 0.5) * scale;
  const int first = std::max(int(center - support + 0.5), 0);
  const int count = std::min(int(center + support + 0.5), in) - first;
  std::vector<double> exact(static_cast<size_t>(count));
  double sum = 0;
  for (int j = 0; j < count; ++j)
    sum += exact[size_t(j)] = cubic((first + j - center + 0.5) * (1 / stretch));
  const size_t place = taps.weights.size();
  taps.weights.resize(place + size_t(taps.stride));
  for (int j = 0; j < count; ++j)
    taps.weights[place + size_t(j)] =
        int32_t(std::round(exact[size_t(j)] / sum * (1 << kPrecision)));
  taps.first.push_back(first);
  taps.count.push_back(count);
}

Taps make_taps(int in, const BicubicAxis &axis) {
  const double scale = double(in) / axis.size;
  Taps taps;
  taps.stride = int(std::ceil(2 * std::max(scale, 1.0))) * 2 + 1;
  for (int i = 0; i < axis.count; ++i)
    put_taps(taps, in, scale, axis.first + i);
  return taps;
}

uint8_t to_byte(int32_t sum) { return uint8_t(std::clamp(sum >> kPrecision, 0, 255)); }

/// An 8x8 block of bytes, turned in registers: three rounds swap blocks of 4, 2 and 1.
void transpose(std::array<uint64_t, kRows> &rows) {
  uint64_t mask = 0x00000000FFFFFFFF;
  for (size_t block = 4; block > 0; block /= 2, mask ^= mask << 8 * block)
    for (size_t i = 0; i < kRows; ++i)
      if (!(i & block)) {
        const uint64_t swapped = (rows[i] >> 8 * block ^ rows[i + block]) & mask;
        rows[i + block] ^= swapped;
        rows[i] ^= swapped << 8 * block;
      }
}

std::vector<uint8_t> plain(const Canvas &canvas, int pixels) {
  std::vector<uint8_t> bytes;
  bytes.reserve(size_t(pixels) * 3);
  for (int i = 0; i < pixels; ++i)
    bytes.insert(bytes.end(), canvas.colour.begin(), canvas.colour.end());
  return bytes;
}

/// Rows [y, y + kRows) of the canvas, one after the other; `rows` holds the colour left and right
/// of the picture already.
void take_rows(const Image &image, const Canvas &canvas, int y,
               const std::vector<uint8_t> &plain_row, std::vector<uint8_t> &rows) {
  const size_t picture_bytes = size_t(image.width) * 3;
  for (int r = 0; r < kRows; ++r) {
    const int from = y + r - canvas.top;
    uint8_t *row = &rows[size_t(r) * plain_row.size()];
    if (from >= 0 && from < image.height)
      std::memcpy(row + canvas.left * 3, &image.rgb[size_t(from) * picture_bytes], picture_bytes);
    else
      std::memcpy(row, plain_row.data(), plain_row.size());
  }
}

/// The same as [byte of the row][row], so that a vector holds one channel of one column.
void turn_rows(const std::vector<uint8_t> &rows, uint8_t *columns) {
  const size_t row_bytes = rows.size() / kRows;
  for (size_t i = 0; i < row_bytes; i += kRows) {
    std::array<uint64_t, kRows> block = {};
    for (size_t r = 0; r < kRows; ++r)
      std::memcpy(&block[r], &rows[r * row_bytes + i], std::min<size_t>(kRows, row_bytes - i));
    transpose(block);
    std::memcpy(columns + i * kRows, block.data(), sizeof block);
  }
}

void scatter_rows(const uint8_t *columns, int rows, size_t row_bytes, uint8_t *out) {
  for (size_t i = 0; i < row_bytes; i += kRows) {
    std::array<uint64_t, kRows> block;
    std::memcpy(block.data(), columns + i * kRows, sizeof block);
    transpose(block);
    for (size_t r = 0; r < size_t(rows); ++r)
      std::memcpy(out + r * row_bytes + i, &block[r], std::min<size_t>(kRows, row_bytes - i));
  }
}

void weigh_columns(const int32_t *columns, const Taps &taps, uint8_t *out) {
  using Vector = int32_t __attribute__((vector_size(kRows * sizeof(int32_t))));
  for (size_t x = 0; x < taps.first.size(); ++x) {
    const int32_t *weights = &taps.weights[x * size_t(taps.stride)];
    const int32_t *in = columns + size_t(taps.first[x]) * kStep;
    Vector sums[3] = {Vector{} + kHalf, Vector{} + kHalf, Vector{} + kHalf};
    for (int j = 0; j < taps.count[x]; ++j)
      for (Vector &sum : sums) {
        Vector pixels;
        std::memcpy(&pixels, in, sizeof pixels);
        sum += weights[j] * pixels;
        in += kRows;
      }
    for (const Vector &sum : sums)
      for (int r = 0; r < kRows; ++r)
        *out++ = to_byte(sum[r]);
  }
}

/// One thread's work on kRows rows after the other.
class HorizontalStrip {
public:
  HorizontalStrip(const Image &image, const Canvas &canvas, const Taps &taps)
      : image_(image), canvas_(canvas), taps_(taps), width_(int(taps.first.size())),
        plain_in_(plain(canvas, canvas.width)), plain_out_(plain(canvas, width_)),
        rows_(plain(canvas, canvas.width * kRows)), columns_(rows_.size() + 64), // whole 8x8 blocks
        wide_(columns_.size()), result_(size_t(width_) * kStep + 64) {}

  /// Rows [y, y + rows), rows <= kRows. Rows of one colour stay as they are.
  void operator()(int y, int rows, uint8_t *out) {
    if (y + rows <= canvas_.top || y >= canvas_.top + image_.height) {
      for (int r = 0; r < rows; ++r)
        out = std::copy(plain_out_.begin(), plain_out_.end(), out);
      return;
    }
    take_rows(image_, canvas_, y, plain_in_, rows_);
    turn_rows(rows_, columns_.data());
    std::copy(columns_.begin(), columns_.end(), wide_.begin());
    weigh_columns(wide_.data(), taps_, result_.data());
    scatter_rows(result_.data(), rows, plain_out_.size(), out);
  }

private:
  const Image &image_;
  const Canvas &canvas_;
  const Taps &taps_;
  const int width_;
  const std::vector<uint8_t> plain_in_, plain_out_;
  std::vector<uint8_t> rows_, columns_;
  std::vector<int32_t> wide_;
  std::vector<uint8_t> result_;
};

Image horizontal_pass(const Image &image, const Canvas &canvas, const BicubicAxis &axis) {
  const Taps taps = make_taps(canvas.width, axis);
  Image out;
  out.width = axis.count;
  out.height = canvas.height;
  const size_t row_bytes = size_t(out.width) * 3;
  out.rgb.resize(row_bytes * size_t(out.height));
  parallel_for(0, (out.height + kRows - 1) / kRows, 16, [&](int64_t begin, int64_t end) {
    HorizontalStrip strip(image, canvas, taps);
    for (int y = int(begin) * kRows; y < std::min(int(end) * kRows, out.height); y += kRows)
      strip(y, std::min(kRows, out.height - y), &out.rgb[size_t(y) * row_bytes]);
  });
  return out;
}

void vertical_row(const uint8_t *in, size_t row_bytes, const int32_t *weights, int count,
                  uint8_t *out) {
  constexpr size_t width = 64;
  for (size_t i = 0; i < row_bytes; i += width) {
    const size_t n = std::min(width, row_bytes - i);
    int32_t sums[width];
    std::fill_n(sums, width, kHalf);
    for (int j = 0; j < count; ++j) {
      const uint8_t *row = in + size_t(j) * row_bytes + i;
      if (n == width)
        for (size_t k = 0; k < width; ++k)
          sums[k] += weights[j] * row[k];
      else
        for (size_t k = 0; k < n; ++k)
          sums[k] += weights[j] * row[k];
    }
    for (size_t k = 0; k < n; ++k)
      out[i + k] = to_byte(sums[k]);
  }
}

Image vertical_pass(const Image &image, const BicubicAxis &axis) {
  const Taps taps = make_taps(image.height, axis);
  Image out;
  out.width = image.width;
  out.height = axis.count;
  const size_t row_bytes = size_t(out.width) * 3;
  out.rgb.resize(row_bytes * size_t(out.height));
  parallel_for(0, out.height, 32, [&](int64_t begin, int64_t end) {
    for (size_t y = size_t(begin); y < size_t(end); ++y)
      vertical_row(&image.rgb[size_t(taps.first[y]) * row_bytes], row_bytes,
                   &taps.weights[y * size_t(taps.stride)], taps.count[y], &out.rgb[y * row_bytes]);
  });
  return out;
}

bool is_whole(int in, const BicubicAxis &axis) { return axis.size == in && axis.count == in; }

} // namespace

Image bicubic(const Image &image, const Canvas &canvas, const BicubicAxis &horizontal,
              const BicubicAxis &vertical) {
  Image out =
      is_whole(canvas.width, horizontal) ? image : horizontal_pass(image, canvas, horizontal);
  return is_whole(canvas.height, vertical) ? out : vertical_pass(out, vertical);
}

} // namespace vlm
