// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/model_folder.h"

#include "model/core/error.h"
#include "model/core/json_file.h"

namespace vlm {
namespace {

std::string find_weights(const std::string &directory) {
  for (const char *name : {"diffusion_pytorch_model.safetensors", "model.safetensors",
                           "diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors"})
    if (const std::string path = directory + "/" + name; file_exists(path))
      return path;
  if (!file_exists(directory))
    fail(ErrorCategory::NotFound, directory, ": no such directory");
  fail(ErrorCategory::NotFound, directory, ": neither diffusion_pytorch_model.safetensors nor ",
       "model.safetensors (nor either as .fp16.safetensors)");
}

} // namespace

ModelFolder::ModelFolder(const std::string &directory)
    : directory_(directory), file_(find_weights(directory)) {}

bool ModelFolder::contains(const std::string &name) const {
  return file_.tensors().count(name) > 0;
}

std::vector<std::string> ModelFolder::names() const {
  std::vector<std::string> out;
  for (const auto &[name, info] : file_.tensors())
    out.push_back(name);
  return out;
}

std::vector<int64_t> ModelFolder::shape(const std::string &name) const {
  return file_.info(name).shape;
}

at::Tensor ModelFolder::load(const std::string &name, at::ScalarType dtype) const {
  const at::ScalarType stored = file_.info(name).dtype;
  if (stored != at::kFloat && stored != at::kHalf && stored != at::kBFloat16)
    fail(ErrorCategory::Format, file_.path(), ": tensor ", name, " is stored as ",
         c10::toString(stored), ", expected Float, Half or BFloat16");
  bool finite = true;
  const at::Tensor out = file_.load(name, dtype, &finite);
  if (!finite)
    fail(ErrorCategory::Format, file_.path(), ": tensor ", name, " holds NaN or infinity");
  return out;
}

} // namespace vlm
