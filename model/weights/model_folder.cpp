// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/model_folder.h"

#include "model/core/error.h"
#include "model/core/json_file.h"

namespace vlm {
namespace {

Shards open_weights(const std::string &directory) {
  for (const std::string variant : {"", ".fp16"})
    for (const std::string stem : {"diffusion_pytorch_model", "model"}) {
      const std::string single = stem + variant + ".safetensors",
                        index = stem + ".safetensors.index" + variant + ".json";
      if (file_exists(directory + "/" + single))
        return open_single(directory, single);
      if (file_exists(directory + "/" + index))
        return open_shards(directory, index);
    }
  if (!file_exists(directory))
    fail(ErrorCategory::NotFound, directory, ": no such directory");
  fail(ErrorCategory::NotFound, directory, ": neither diffusion_pytorch_model.safetensors nor ",
       "model.safetensors, nor the index of either (nor their variants fp16)");
}

} // namespace

ModelFolder::ModelFolder(const std::string &directory)
    : directory_(directory), shards_(open_weights(directory)) {}

const TensorFile &ModelFolder::file_of(const std::string &name) const {
  const auto found = shards_.places.find(name);
  if (found == shards_.places.end())
    fail(ErrorCategory::Format, origin(name), ": tensor ", name, " is missing");
  return *found->second;
}

bool ModelFolder::contains(const std::string &name) const { return shards_.places.count(name) > 0; }

std::vector<std::string> ModelFolder::names() const {
  std::vector<std::string> out;
  for (const auto &[name, file] : shards_.places)
    out.push_back(name);
  return out;
}

std::vector<int64_t> ModelFolder::shape(const std::string &name) const {
  return file_of(name).info(name).shape;
}

std::string ModelFolder::origin(const std::string &name) const {
  const auto found = shards_.places.find(name);
  if (found != shards_.places.end())
    return found->second->path();
  return shards_.files.size() == 1 ? shards_.files.begin()->second->path() : directory_;
}

at::Tensor ModelFolder::load(const std::string &name, at::ScalarType dtype) const {
  const TensorFile &file = file_of(name);
  const at::ScalarType stored = file.info(name).dtype;
  if (stored != at::kFloat && stored != at::kHalf && stored != at::kBFloat16)
    fail(ErrorCategory::Format, file.path(), ": tensor ", name, " is stored as ",
         c10::toString(stored), ", expected Float, Half or BFloat16");
  bool finite = true;
  const at::Tensor out = file.load(name, dtype, &finite);
  if (!finite)
    fail(ErrorCategory::Format, file.path(), ": tensor ", name, " holds NaN or infinity");
  return out;
}

} // namespace vlm
