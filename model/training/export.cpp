// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/export.h"

#include "model/core/error.h"
#include "model/core/mapped_file.h"
#include "model/weights/safetensors.h"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace vlm {

void export_checkpoint(const ParameterStore &parameters, const TinyConfig &config,
                       const std::string &tokenizer, const std::string &directory) {
  namespace fs = std::filesystem;
  fs::create_directories(directory);
  for (const char *name : {"tokenizer.model", "tokenizer_config.json"}) {
    const fs::path from = fs::path(tokenizer) / name;
    if (!fs::exists(from))
      fail(ErrorCategory::NotFound, from.string(), " does not exist");
    fs::copy_file(from, fs::path(directory) / name, fs::copy_options::overwrite_existing);
  }
  write_file(directory + "/config.json", config_json(config).dump(2) + '\n');
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto &[name, value] : parameters.tensors())
    if (!in_heads(name))
      tensors.emplace_back(name, value.to(at::kBFloat16));
  write_safetensors(directory + "/model.safetensors", tensors);
}

} // namespace vlm
