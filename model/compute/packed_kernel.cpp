// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/packed_kernel.h"

#include "model/compute/onednn.h"
#include "model/core/error.h"

#include <ATen/ops/empty.h>

#include <mutex>

namespace vlm {
namespace {

using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;
using Forward = dnnl::convolution_forward;

void reorder(dnnl::memory from, dnnl::memory to) {
  dnnl::stream stream(onednn::cpu());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

} // namespace

/// The kernel's numbers and the order they lie in.
class PackedKernel::Order {
public:
  explicit Order(at::Tensor weight)
      : dims_(weight.sizes().vec()),
        type_(weight.scalar_type() == at::kBFloat16 ? Type::bf16 : Type::f32),
        plain_(weight.contiguous()),
        memory_(onednn::borrow({dims_, type_, Tag::oihw}, plain_.data_ptr())) {}

  const dnnl::memory::dims &dims() const { return dims_; }
  Type type() const { return type_; }

  /// In the order that is wanted. Other sizes of maps may want another one than the first: they get
  /// a copy.
  dnnl::memory in(const dnnl::memory::desc &wanted) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (memory_.get_desc() == wanted)
      return memory_;
    dnnl::memory out(wanted, onednn::cpu());
    reorder(memory_, out);
    if (plain_.defined()) {
      memory_ = out;
      plain_ = at::Tensor();
    }
    return out;
  }

private:
  const dnnl::memory::dims dims_;
  const Type type_;
  std::mutex mutex_;
  at::Tensor plain_; // until it is packed
  dnnl::memory memory_;
};

PackedKernel::PackedKernel(at::Tensor weight, at::Tensor bias, int64_t stride)
    : bias_(bias.contiguous()), stride_(stride),
      order_(std::make_unique<Order>(std::move(weight))) {}

PackedKernel::~PackedKernel() = default;

at::Tensor PackedKernel::operator()(const at::Tensor &x, int64_t padded_rows,
                                    int64_t padded_columns) const {
  const dnnl::memory::dims &kernel = order_->dims();
  const auto positions = [&](int64_t size, int64_t padding, int64_t taps) {
    return (size + 2 * padding - taps) / stride_ + 1;
  };
  const int64_t batch = x.size(0), height = positions(x.size(1), padded_rows, kernel[2]),
                width = positions(x.size(2), padded_columns, kernel[3]);
  const at::Tensor in =
      x.to(order_->type() == Type::bf16 ? at::kBFloat16 : at::kFloat).contiguous();
  const at::Tensor out = at::empty({batch, height, width, kernel[0]}, x.options());
  const dnnl::memory::desc source({batch, x.size(3), x.size(1), x.size(2)}, order_->type(),
                                  Tag::nhwc);
  const dnnl::memory::desc weights(kernel, order_->type(), Tag::any);
  const dnnl::memory::desc bias({kernel[0]}, Type::f32, Tag::x);
  const dnnl::memory::desc result({batch, kernel[0], height, width}, Type::f32, Tag::nhwc);
  const dnnl::memory::dims strides = {stride_, stride_}, padding = {padded_rows, padded_columns};
  try {
    const auto description = onednn::describe<Forward>(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source, weights,
        bias, result, strides, padding, padding);
    dnnl::stream stream(onednn::cpu());
    Forward(description)
        .execute(stream, {{DNNL_ARG_SRC, onednn::borrow(source, in.data_ptr())},
                          {DNNL_ARG_WEIGHTS, order_->in(description.weights_desc())},
                          {DNNL_ARG_BIAS, onednn::borrow(bias, bias_.data_ptr())},
                          {DNNL_ARG_DST, onednn::borrow(result, out.data_ptr())}});
    stream.wait();
  } catch (const dnnl::error &error) {
    fail(ErrorCategory::Failed, "oneDNN refused a convolution of ", x.size(1), " x ", x.size(2),
         " x ", x.size(3), " to ", kernel[0], " channels: ", error.what());
  }
  return out;
}

} // namespace vlm
