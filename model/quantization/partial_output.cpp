// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/partial_output.h"

#include "model/core/checksum.h"
#include "model/core/error.h"
#include "model/core/mapped_file.h"

#include <nlohmann/json.hpp>

namespace vlm {
namespace {

namespace fs = std::filesystem;

constexpr const char *kIndex = "model.safetensors.index.json";

template <typename Action> void on_disk(const fs::path &path, const Action &action) {
  try {
    action();
  } catch (const fs::filesystem_error &error) {
    fail(ErrorCategory::Unreadable, path.string(), ": cannot write: ", error.code().message());
  }
}

/// Those of write_safetensors: "NAME.safetensors.tmp123".
void remove_temporaries(const fs::path &folder) {
  for (const auto &entry : fs::directory_iterator(folder))
    if (entry.path().extension().string().rfind(".tmp", 0) == 0)
      fs::remove(entry.path());
}

void empty(const fs::path &folder) {
  for (const auto &entry : fs::directory_iterator(folder))
    fs::remove_all(entry.path());
}

bool same_job(const fs::path &state, const std::string &job) {
  try {
    return SafetensorsFile(state.string()).metadata("job") == job;
  } catch (const Error &) {
    return false;
  }
}

} // namespace

PartialOutput::PartialOutput(const std::string &output, const std::string &job)
    : job_(job), output_(fs::absolute(output).lexically_normal()) {
  if (!output_.has_filename()) // "name/"
    output_ = output_.parent_path();
  folder_ = output_.string() + ".partial";
  on_disk(folder_, [&] {
    if (fs::exists(fs::symlink_status(output_)))
      fail(ErrorCategory::Settings, output_.string(), ": exists already");
    fs::create_directories(folder_);
    lock_.emplace(folder_.string());
    if (!same_job(state_path(), job_))
      empty(folder_);
    remove_temporaries(folder_);
  });
}

PartialOutput::~PartialOutput() {
  std::error_code ignored;
  if (kept().empty())
    fs::remove_all(folder_, ignored);
}

std::optional<std::string> PartialOutput::read_state() const {
  if (!fs::exists(state_path()))
    return {};
  return SafetensorsFile(state_path().string()).metadata("state");
}

void PartialOutput::write_state(const std::string &state) const {
  write_safetensors(state_path().string(), {}, {{"job", job_}, {"state", state}});
}

fs::path PartialOutput::folder_at(int64_t part) const { return folders() / std::to_string(part); }

void PartialOutput::make_folder_at(int64_t part) const {
  on_disk(folder_at(part), [&] { fs::create_directories(folder_at(part)); });
}

void PartialOutput::remove_folder_at(int64_t part) const {
  on_disk(folder_at(part), [&] { fs::remove_all(folder_at(part)); });
}

void PartialOutput::write_shard(const std::string &name, const Tensors &tensors) const {
  std::map<std::string, std::string> metadata = {{"format", "pt"}};
  for (const auto &[tensor, value] : tensors)
    if (value.scalar_type() == at::kByte)
      metadata["checksum." + tensor] =
          checksum({static_cast<const char *>(value.data_ptr()), value.nbytes()});
  write_safetensors((folder_ / (name + ".safetensors")).string(), tensors, metadata);
}

void PartialOutput::write_text(const std::string &name, const std::string &text) const {
  write_file((folder_ / name).string(), text);
}

void PartialOutput::copy_from(const fs::path &file) const {
  on_disk(folder_ / file.filename(), [&] {
    fs::copy_file(file, folder_ / file.filename(), fs::copy_options::overwrite_existing);
  });
}

std::string PartialOutput::publish() const {
  nlohmann::json map = nlohmann::json::object();
  size_t bytes = 0;
  for (const auto &entry : fs::directory_iterator(folder_))
    if (entry.path().extension() == ".safetensors" && entry.path() != state_path()) {
      const SafetensorsFile shard(entry.path().string());
      for (const auto &[name, info] : shard.tensors()) {
        map[name] = entry.path().filename().string();
        bytes += info.bytes;
      }
    }
  write_text(kIndex,
             nlohmann::json{{"metadata", {{"total_size", bytes}}}, {"weight_map", map}}.dump(2));
  on_disk(output_, [&] {
    fs::remove_all(folders());
    fs::remove(state_path());
    fs::rename(folder_, output_);
  });
  return output_.string();
}

std::string PartialOutput::kept() const {
  std::error_code ignored;
  return fs::exists(state_path(), ignored) ? folder_.string() : std::string();
}

} // namespace vlm
