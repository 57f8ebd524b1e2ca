// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/latents.h"

#include "model/core/error.h"
#include "model/weights/safetensors.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>

namespace vlm {

at::Tensor random_latents(const std::vector<int64_t> &shape, uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(shape, generator, at::TensorOptions().dtype(at::kFloat));
}

at::Tensor read_latents(const std::string &path, const std::vector<int64_t> &shape) {
  const SafetensorsFile file(path);
  const std::vector<int64_t> &found = file.info("latents").shape;
  if (found != shape)
    fail(ErrorCategory::Format, path, ": tensor latents has shape ", at::IntArrayRef(found),
         ", expected ", at::IntArrayRef(shape));
  bool finite = true;
  const at::Tensor latents = file.load("latents", at::kFloat, &finite);
  if (!finite)
    fail(ErrorCategory::Format, path, ": tensor latents holds NaN or infinity");
  return latents;
}

at::Tensor from_image(const Image &image) {
  at::Tensor bytes = at::empty({1, image.height, image.width, 3}, at::kByte);
  std::copy(image.rgb.begin(), image.rgb.end(), bytes.data_ptr<uint8_t>());
  return (bytes.permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1).contiguous();
}

Image to_image(const at::Tensor &picture) {
  const at::Tensor bytes =
      (picture * 255).round().permute({1, 2, 0}).to(at::kCPU, at::kByte).contiguous();
  const uint8_t *data = bytes.data_ptr<uint8_t>();
  return {static_cast<int>(picture.size(2)),
          static_cast<int>(picture.size(1)),
          {data, data + bytes.numel()}};
}

} // namespace vlm
