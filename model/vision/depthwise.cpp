// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/depthwise.h"

#include "model/compute/autograd_function.h"
#include "model/compute/threads.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kLanes = 8;   // channels that are worked on together
constexpr int64_t kColumns = 8; // columns whose sums are kept in registers
constexpr int64_t kKernel = 7, kPad = kKernel / 2, kTaps = kKernel * kKernel;

using Lane = float __attribute__((vector_size(kLanes * sizeof(float))));

/// Where a block of channels lies in a map [picture][row][column][channel].
struct Block {
  int64_t height, width, channels;
  int64_t first; // channel
  int64_t count() const { return std::min(kLanes, channels - first); }
  int64_t offset(int64_t row) const { return row * width * channels + first; }
};

Lane load(const float *from, int64_t count) {
  Lane lane = {};
  std::memcpy(&lane, from, size_t(count) * sizeof(float));
  return lane;
}

/// A block of channels of one picture with a border of zeros, so that sums need no conditions.
class Plane {
public:
  explicit Plane(const Block &block)
      : block_(block), pitch_((block.width + kColumns - 1) / kColumns * kColumns + 2 * kPad),
        lanes_(size_t((block.height + 2 * kPad) * pitch_)) {}

  void fill(const float *picture) {
    for (int64_t y = 0; y < block_.height; ++y) {
      const float *in = picture + block_.offset(y);
      Lane *out = &lanes_[size_t((y + kPad) * pitch_ + kPad)];
      if (block_.count() == kLanes)
        for (int64_t x = 0; x < block_.width; ++x)
          out[x] = load(in + x * block_.channels, kLanes);
      else
        for (int64_t x = 0; x < block_.width; ++x)
          out[x] = load(in + x * block_.channels, block_.count());
    }
  }

  /// The lanes under a kernel's first tap for the output at (row, column).
  const Lane *at(int64_t row, int64_t column) const {
    return &lanes_[size_t(row * pitch_ + column)];
  }
  int64_t pitch() const { return pitch_; }

private:
  Block block_;
  int64_t pitch_;
  std::vector<Lane> lanes_;
};

using Kernel = std::array<Lane, size_t(kTaps)>;

/// The taps of a block's channels, first to last or (for the gradient) last to first.
Kernel kernel(const float *weight, const Block &block, bool reversed) {
  Kernel out = {};
  for (int64_t c = 0; c < block.count(); ++c)
    for (int64_t t = 0; t < kTaps; ++t)
      out[size_t(reversed ? kTaps - 1 - t : t)][c] = weight[(block.first + c) * kTaps + t];
  return out;
}

/// Sums of kColumns neighbouring outputs.
inline void columns(const Plane &plane, const Kernel &kernel, int64_t row, int64_t column,
                    Lane (&sums)[kColumns]) {
  for (int64_t ky = 0; ky < kKernel; ++ky) {
    const Lane *in = plane.at(row + ky, column);
    for (int64_t kx = 0; kx < kKernel; ++kx) {
      const Lane tap = kernel[size_t(ky * kKernel + kx)];
      for (int64_t x = 0; x < kColumns; ++x)
        sums[x] += tap * in[x + kx];
    }
  }
}

void convolve(const Plane &plane, const Kernel &kernel, const Lane &bias, const Block &block,
              float *picture) {
  for (int64_t y = 0; y < block.height; ++y)
    for (int64_t x = 0; x < block.width; x += kColumns) {
      Lane sums[kColumns];
      std::fill_n(sums, kColumns, bias);
      columns(plane, kernel, y, x, sums);
      float *out = picture + block.offset(y) + x * block.channels;
      for (int64_t i = 0; i < std::min(kColumns, block.width - x); ++i)
        std::memcpy(out + i * block.channels, &sums[i], size_t(block.count()) * sizeof(float));
    }
}

/// taps[ky][kx] += sum over the picture of gradient(y, x) * values(y + ky, x + kx).
void correlate(const Plane &values, const Plane &gradient, const Block &block, Kernel &taps) {
  for (int64_t y = 0; y < block.height; ++y)
    for (int64_t ky = 0; ky < kKernel; ++ky) {
      const Lane *g = gradient.at(y + kPad, kPad), *in = values.at(y + ky, 0);
      Lane *row = &taps[size_t(ky * kKernel)];
      Lane sums[kKernel];
      std::copy_n(row, kKernel, sums);
      for (int64_t x = 0; x < block.width; ++x)
        for (int64_t kx = 0; kx < kKernel; ++kx)
          sums[kx] += g[x] * in[x + kx];
      std::copy_n(sums, kKernel, row);
    }
}

Lane sum(const Plane &plane, const Block &block) {
  Lane total = {};
  for (int64_t y = 0; y < block.height; ++y)
    for (int64_t x = 0; x < block.width; ++x)
      total += plane.at(y + kPad, kPad)[x];
  return total;
}

int64_t blocks_of(const at::Tensor &x) { return (x.size(3) + kLanes - 1) / kLanes; }

Block block_of(const at::Tensor &x, int64_t index) {
  return {x.size(1), x.size(2), x.size(3), index * kLanes};
}

struct Depthwise : torch::autograd::Function<Depthwise> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &input,
                            const at::Tensor &weight, const at::Tensor &bias) {
    const at::Tensor x = input.contiguous(), w = weight.contiguous();
    const at::Tensor out = at::empty_like(x);
    const int64_t blocks = blocks_of(x), pixels = x[0].numel();
    parallel_for(0, x.size(0) * blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Block block = block_of(x, i % blocks);
        Plane plane(block);
        plane.fill(x.data_ptr<float>() + i / blocks * pixels);
        convolve(plane, kernel(w.data_ptr<float>(), block, false),
                 load(bias.data_ptr<float>() + block.first, block.count()), block,
                 out.data_ptr<float>() + i / blocks * pixels);
      }
    });
    context->save_for_backward({x, w});
    return out;
  }

  /// One block of channels at a time over all pictures: its taps' sums stay with one thread.
  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &w = saved[1], g = gradients[0].contiguous();
    const variable_list out = {at::empty_like(x), at::empty_like(w), w.new_empty({w.size(0)})};
    parallel_for(0, blocks_of(x), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        backward_block(block_of(x, i), x, w, g, out);
    });
    return out;
  }

private:
  static void backward_block(const Block &block, const at::Tensor &x, const at::Tensor &w,
                             const at::Tensor &g, const variable_list &out) {
    const Kernel reversed = kernel(w.data_ptr<float>(), block, true);
    const int64_t pixels = x[0].numel();
    Plane values(block), gradient(block);
    Kernel taps = {};
    Lane bias = {};
    for (int64_t b = 0; b < x.size(0); ++b) {
      values.fill(x.data_ptr<float>() + b * pixels);
      gradient.fill(g.data_ptr<float>() + b * pixels);
      convolve(gradient, reversed, Lane{}, block, out[0].data_ptr<float>() + b * pixels);
      correlate(values, gradient, block, taps);
      bias += sum(gradient, block);
    }
    for (int64_t c = 0; c < block.count(); ++c) {
      out[2].data_ptr<float>()[block.first + c] = bias[c];
      for (int64_t t = 0; t < kTaps; ++t)
        out[1].data_ptr<float>()[(block.first + c) * kTaps + t] = taps[size_t(t)][c];
    }
  }
};

} // namespace

at::Tensor depthwise_7x7(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  if (x.is_cpu() && x.scalar_type() == at::kFloat)
    return Depthwise::apply(x, weight, bias);
  return at::conv2d(x.permute({0, 3, 1, 2}), weight, bias, /*stride=*/1, /*padding=*/kPad,
                    /*dilation=*/1, /*groups=*/x.size(3))
      .permute({0, 2, 3, 1});
}

} // namespace vlm
