// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/state_dict.h"

#include "model/core/error.h"

#include <algorithm>
#include <cctype>

namespace vlm {
namespace {

std::string text(const std::vector<int64_t> &shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

} // namespace

Scope::Scope(const StateDict &dict, at::ScalarType matrix_dtype, at::Device device,
             std::vector<std::string> *used)
    : dict_(&dict), matrix_dtype_(matrix_dtype), device_(device), used_(used) {}

Scope Scope::sub(const std::string &name) const {
  Scope out = *this;
  out.prefix_ += name + ".";
  return out;
}

Scope Scope::quantized(Quantization kind) const {
  Scope out = *this;
  out.quantization_ = kind;
  return out;
}

Scope Scope::streamed() const {
  Scope out = *this;
  out.streamed_ = true;
  return out;
}

Scope Scope::observed(LinearObserver *observer) const {
  Scope out = *this;
  out.observer_ = observer;
  return out;
}

Scope Scope::kept_by(PackedSink *sink) const {
  Scope out = *this;
  out.sink_ = sink;
  return out;
}

bool Scope::contains(const std::string &name) const { return dict_->contains(prefix_ + name); }

std::vector<int64_t> Scope::shape(const std::string &name) const {
  return dict_->shape(prefix_ + name);
}

at::Tensor Scope::tensor(const std::string &name, const std::vector<int64_t> &shape) const {
  return take(name, shape, at::kFloat);
}

at::Tensor Scope::matrix(const std::string &name, const std::vector<int64_t> &shape) const {
  return take(name, shape, matrix_dtype_);
}

at::Tensor Scope::bytes(const std::string &name, const std::vector<int64_t> &shape) const {
  return take(name, shape, at::kByte);
}

at::Tensor Scope::rows(const std::string &name, const std::vector<int64_t> &shape, int64_t first,
                       int64_t count) const {
  return dict_->load_rows(checked(name, shape), at::kFloat, first, count).to(device_);
}

at::Tensor Scope::take(const std::string &name, const std::vector<int64_t> &shape,
                       at::ScalarType dtype) const {
  return dict_->load(checked(name, shape), dtype).to(device_);
}

std::string Scope::checked(const std::string &name, const std::vector<int64_t> &shape) const {
  const std::string full = prefix_ + name;
  const std::vector<int64_t> found = dict_->shape(full);
  if (found != shape)
    wrong(name, "has shape " + text(found) + ", expected " + text(shape));
  if (used_)
    used_->push_back(full);
  return full;
}

void Scope::wrong(const std::string &name, const std::string &what) const {
  const std::string full = prefix_ + name;
  fail(ErrorCategory::Format, dict_->origin(full), ": tensor ", full, " ", what);
}

int64_t Scope::count(const std::string &name) const {
  const std::string start = prefix_ + name + ".";
  int64_t count = 0;
  for (const std::string &full : dict_->names()) {
    if (full.compare(0, start.size(), start) != 0)
      continue;
    const size_t end = full.find('.', start.size());
    const std::string index = full.substr(start.size(), end - start.size());
    if (!index.empty() && index.size() < 9 && std::all_of(index.begin(), index.end(), ::isdigit))
      count = std::max<int64_t>(count, std::stoll(index) + 1);
  }
  return count;
}

} // namespace vlm
