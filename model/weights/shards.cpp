// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/shards.h"

#include "model/core/error.h"
#include "model/core/json_file.h"

#include <set>

namespace vlm {
namespace {

using nlohmann::json;

/// tensor -> shard, as the index has it.
std::map<std::string, std::string> read_index(const std::string &path) {
  const json index = read_json_object(path);
  const auto found = index.find("weight_map");
  if (found == index.end() || !found->is_object())
    fail(ErrorCategory::Format, path, ": weight_map is missing or not an object");
  std::map<std::string, std::string> out;
  for (const auto &[tensor, shard] : found->items()) {
    if (!shard.is_string())
      fail(ErrorCategory::Format, path, ": the shard of tensor ", tensor, " is not a string");
    const std::string name = shard.get<std::string>();
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of(std::string("/\0", 2)) != std::string::npos)
      fail(ErrorCategory::Format, path, ": shard ", shard.dump(), " of tensor ", tensor,
           " is not a file name in this directory");
    out.emplace(tensor, name);
  }
  if (out.empty())
    fail(ErrorCategory::Format, path, ": weight_map is empty");
  return out;
}

/// Adds a file and its tensors.
void add(Shards &shards, const std::string &directory, const std::string &name) {
  auto file = std::make_unique<const SafetensorsFile>(directory + "/" + name);
  for (const auto &[tensor, info] : file->tensors()) {
    const auto [place, added] = shards.places.emplace(tensor, file.get());
    if (!added)
      fail(ErrorCategory::Format, file->path(), ": tensor ", tensor, " is also in ",
           place->second->path());
  }
  shards.files.emplace(name, std::move(file));
}

} // namespace

Shards open_single(const std::string &directory, const std::string &name) {
  Shards shards;
  add(shards, directory, name);
  return shards;
}

Shards open_shards(const std::string &directory, const std::string &index_name) {
  const std::string index_path = directory + "/" + index_name;
  const std::map<std::string, std::string> index = read_index(index_path);
  std::set<std::string> names;
  for (const auto &[tensor, shard] : index) {
    if (!file_exists(directory + "/" + shard))
      fail(ErrorCategory::NotFound, index_path, ": shard ", shard, " of tensor ", tensor,
           " does not exist");
    names.insert(shard);
  }
  Shards shards;
  for (const std::string &name : names)
    add(shards, directory, name);
  for (const auto &[tensor, file] : shards.places)
    if (!index.count(tensor))
      fail(ErrorCategory::Format, file->path(), ": tensor ", tensor, " is missing in ", index_name);
  for (const auto &[tensor, shard] : index)
    if (const auto found = shards.places.find(tensor);
        found == shards.places.end() || found->second != shards.files.at(shard).get())
      fail(ErrorCategory::Format, index_path, ": tensor ", tensor, " is not in ", shard);
  return shards;
}

} // namespace vlm
