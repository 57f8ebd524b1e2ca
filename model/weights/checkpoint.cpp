// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/checkpoint.h"

#include "model/core/checksum.h"
#include "model/core/digest.h"
#include "model/core/error.h"
#include "model/core/json_file.h"
#include "model/core/log.h"
#include "model/weights/shards.h"
#include "model/weights/torch_file.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// One kind of vision tower: how its tensors are called in tower directories and in checkpoints.
struct Tower {
  const char *config_key;
  const char *label; ///< prefix of its files' names in the digest, so that two towers never collide
  std::vector<std::pair<std::string, std::string>> prefixes; ///< in the directory -> checkpoint
};

const std::vector<Tower> &towers() {
  static const std::vector<Tower> all = {
      {"mm_vision_tower",
       "vision_tower/",
       {{"vision_model.", "model.vision_tower.vision_tower.vision_model."}}},
      {"mm_vision_tower_aux",
       "vision_tower_aux/",
       {{"visual.trunk.stem.", "model.vision_tower_aux.vision_stem."},
        {"visual.trunk.stages.", "model.vision_tower_aux.vision_stages."}}}};
  return all;
}

bool starts_with(const std::string &text, const std::string &prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool ends_with(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Where a tower's directory may be, best first.
std::vector<std::string> tower_places(const std::string &checkpoint, const std::string &tower) {
  if (fs::path(tower).is_absolute())
    return {tower};
  return {tower, checkpoint + "/" + tower, checkpoint + "/../" + tower};
}

std::string find_tower(const std::string &checkpoint, const std::string &tower,
                       const std::string &key) {
  std::string looked_at;
  for (const std::string &place : tower_places(checkpoint, tower)) {
    if (file_exists(place))
      return place;
    looked_at += (looked_at.empty() ? "" : ", ") + place;
  }
  fail(ErrorCategory::NotFound, checkpoint, " holds no tensors of this tower, and the directory ",
       "that config.json names in ", key, " does not exist: looked at ", looked_at);
}

/// Opens the weights in a tower's directory.
std::unique_ptr<const TensorFile> open_tower(const std::string &directory) {
  for (const char *name : {"model.safetensors", "open_clip_model.safetensors"})
    if (const std::string path = directory + "/" + name; file_exists(path))
      return std::make_unique<SafetensorsFile>(path);
  for (const char *name : {"pytorch_model.bin", "open_clip_pytorch_model.bin"})
    if (const std::string path = directory + "/" + name; file_exists(path))
      return std::make_unique<TorchFile>(path);
  fail(ErrorCategory::NotFound, directory,
       ": no model.safetensors, open_clip_model.safetensors, pytorch_model.bin or "
       "open_clip_pytorch_model.bin");
}

void add_sample(Digest &digest, std::string_view bytes) {
  constexpr size_t sample = 4096;
  digest.add(bytes.substr(0, sample));
  digest.add(bytes.substr(bytes.size() - std::min(bytes.size(), sample)));
}

} // namespace

Quantization held_in(const std::string &name, Quantization decoder) {
  if (decoder == Quantization::None)
    return decoder;
  for (const char *part : {"embed_tokens.", "position_embedding.", "vlm_uni_", "moe.gate."})
    if (name.find(part) != std::string::npos)
      return Quantization::None;
  return starts_with(name, "model.layers.") ? decoder : Quantization::Int8;
}

Checkpoint::Checkpoint(const std::string &directory) : directory_(directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored))
    fail(ErrorCategory::NotFound, directory, ": no such directory");
  const std::string config_path = directory + "/config.json";
  const json config = read_json_object(config_path);
  config_ = read_file(config_path);
  open_files();
  for (const Tower &tower : towers()) {
    const auto found = config.find(tower.config_key);
    if (found == config.end() || found->is_null())
      continue;
    if (!found->is_string())
      fail(ErrorCategory::Format, config_path, ": ", tower.config_key, " is not a string");
    add_tower(found->get<std::string>(), tower.config_key);
  }
}

void Checkpoint::open_files() {
  const std::string single = "model.safetensors", index = single + ".index.json";
  const bool whole = file_exists(directory_ + "/" + single);
  if (!whole && !file_exists(directory_ + "/" + index))
    fail(ErrorCategory::NotFound, directory_, ": neither ", single, " nor ", index);
  Shards shards = whole ? open_single(directory_, single) : open_shards(directory_, index);
  files_ = std::move(shards.files);
  for (const auto &[tensor, file] : shards.places)
    sources_.emplace(tensor, Source{file, tensor});
}

void Checkpoint::add_tower(const std::string &directory, const std::string &key) {
  const auto tower = std::find_if(towers().begin(), towers().end(),
                                  [&](const Tower &known) { return known.config_key == key; });
  for (const auto &[stored, prefix] : tower->prefixes)
    if (const auto first = sources_.lower_bound(prefix);
        first != sources_.end() && starts_with(first->first, prefix))
      return; // the checkpoint holds it
  const std::string place = find_tower(directory_, directory, key);
  std::unique_ptr<const TensorFile> file = open_tower(place);
  size_t count = 0;
  for (const auto &[name, info] : file->tensors())
    for (const auto &[stored, prefix] : tower->prefixes)
      if (starts_with(name, stored) && !ends_with(name, ".position_ids")) {
        sources_.emplace(prefix + name.substr(stored.size()), Source{file.get(), name});
        ++count;
      }
  if (count == 0)
    fail(ErrorCategory::Format, file->path(), ": no tensor begins with ", tower->prefixes[0].first);
  log(LogLevel::Info, key, ": ", count, " tensors from ", file->path());
  const std::string label = tower->label + fs::path(file->path()).filename().string();
  files_.emplace(label, std::move(file));
}

const Checkpoint::Source &Checkpoint::source(const std::string &name) const {
  const auto found = sources_.find(name);
  if (found == sources_.end())
    fail(ErrorCategory::Format, directory_, ": tensor ", name, " is missing");
  return found->second;
}

const TensorFile::Info &Checkpoint::info(const std::string &name) const {
  const Source &found = source(name);
  return found.file->info(found.name);
}

bool Checkpoint::contains(const std::string &name) const { return sources_.count(name) > 0; }

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> out;
  for (const auto &[name, source] : sources_)
    out.push_back(name);
  return out;
}

std::vector<int64_t> Checkpoint::shape(const std::string &name) const { return info(name).shape; }

at::ScalarType Checkpoint::dtype(const std::string &name) const { return info(name).dtype; }

std::string Checkpoint::origin(const std::string &name) const {
  const auto found = sources_.find(name);
  return found == sources_.end() ? directory_ : found->second.file->path();
}

at::Tensor Checkpoint::load(const std::string &name, at::ScalarType dtype) const {
  if (dtype == at::kByte)
    return load_bytes(name);
  const Source &found = stored_values(name);
  bool finite = true;
  const at::Tensor out = found.file->load(found.name, dtype, &finite);
  check_finite(name, finite);
  return out;
}

at::Tensor Checkpoint::load_bytes(const std::string &name) const {
  const Source &found = source(name);
  if (const at::ScalarType stored = found.file->info(found.name).dtype; stored != at::kByte)
    fail(ErrorCategory::Format, found.file->path(), ": tensor ", name, " is stored as ",
         c10::toString(stored), ", expected Byte");
  const at::Tensor out = found.file->load(found.name);
  const std::string_view bytes(static_cast<const char *>(out.data_ptr()), out.nbytes());
  if (checksum(bytes) != found.file->metadata("checksum." + found.name))
    fail(ErrorCategory::Format, found.file->path(), ": tensor ", name,
         " is damaged: its checksum is not the one that the file states");
  return out;
}

at::Tensor Checkpoint::load_rows(const std::string &name, at::ScalarType dtype, int64_t first,
                                 int64_t count) const {
  const Source &found = stored_values(name);
  bool finite = true;
  const at::Tensor out = found.file->load_rows(found.name, first, count, dtype, &finite);
  check_finite(name, finite);
  return out;
}

const Checkpoint::Source &Checkpoint::stored_values(const std::string &name) const {
  const Source &found = source(name);
  const at::ScalarType stored = found.file->info(found.name).dtype;
  if (stored != at::kFloat && stored != at::kHalf && stored != at::kBFloat16)
    fail(ErrorCategory::Format, found.file->path(), ": tensor ", name, " is stored as ",
         c10::toString(stored), ", expected Float, Half or BFloat16");
  return found;
}

void Checkpoint::check_finite(const std::string &name, bool finite) const {
  if (!finite)
    fail(ErrorCategory::Format, origin(name), ": tensor ", name, " holds NaN or infinity");
}

std::string Checkpoint::digest() const {
  Digest digest;
  digest.add(config_);
  for (const auto &[name, file] : files_) {
    digest.add(name);
    digest.add(file->header());
    for (const auto &[tensor, info] : file->tensors())
      add_sample(digest, file->bytes(info));
  }
  return digest.hex();
}

std::string Checkpoint::stamp() const {
  std::string out = digest();
  for (const auto &[name, file] : files_) {
    std::error_code ignored; // a file that vanished has another stamp, too
    const auto changed = fs::last_write_time(file->path(), ignored).time_since_epoch().count();
    out +=
        " " + std::to_string(fs::file_size(file->path(), ignored)) + "@" + std::to_string(changed);
  }
  return out;
}

uint64_t Checkpoint::weight_bytes(at::ScalarType matrix_dtype, bool tied_head,
                                  Quantization quantization) const {
  uint64_t total = 0;
  for (const auto &[name, source] : sources_) {
    if (tied_head && name == "lm_head.weight")
      continue;
    const TensorFile::Info &info = source.file->info(source.name);
    if (info.dtype == at::kByte) {
      total += info.bytes;
      continue;
    }
    const bool matrix = info.shape.size() == 2;
    const bool is_head = tied_head && name == "model.embed_tokens.weight";
    if (is_head && contains("lm_head.qweight"))
      continue;
    const Quantization kind =
        matrix ? held_in(is_head ? "lm_head.weight" : name, quantization) : Quantization::None;
    total += kind != Quantization::None
                 ? quantized_bytes(kind, info.shape[0], info.shape[1])
                 : static_cast<uint64_t>(checked_numel(info.shape).value_or(0)) *
                       c10::elementSize(matrix ? matrix_dtype : at::kFloat);
  }
  return total;
}

} // namespace vlm
