// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/folder_lock.h"
#include "model/weights/safetensors.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vlm {

/// A model directory in the making: "OUTPUT.partial" until publish() gives it its name, so that
/// there is never half a directory under that name. Work that was stopped is found again there.
class PartialOutput {
public:
  using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

  /// `job` tells what is being made; what another job left behind, or a write that was killed, is
  /// removed. Error(Settings) when OUTPUT exists or another process is making it, Error(Unreadable)
  /// when nothing can be written beside it.
  PartialOutput(const std::string &output, const std::string &job);
  /// Leaves "OUTPUT.partial" behind where a state was written.
  ~PartialOutput();
  PartialOutput(const PartialOutput &) = delete;
  PartialOutput &operator=(const PartialOutput &) = delete;

  /// Where the work stands, in words of who does it. Nothing at the start, or when what was left
  /// behind cannot be read.
  std::optional<std::string> read_state() const;
  void write_state(const std::string &state) const;

  /// Of files that the state at `part` needs beside it, and that no model holds.
  std::filesystem::path folder_at(int64_t part) const;
  void make_folder_at(int64_t part) const;
  /// When another state has been written.
  void remove_folder_at(int64_t part) const;

  /// Writes NAME.safetensors with a checksum for each tensor of bytes (weights/checkpoint.h).
  void write_shard(const std::string &name, const Tensors &tensors) const;
  void write_text(const std::string &name, const std::string &text) const;
  void copy_from(const std::filesystem::path &file) const;

  /// Adds an index of all shards and gives the directory its final name, which is returned.
  std::string publish() const;
  /// "OUTPUT.partial" if a state is kept there, else empty.
  std::string kept() const;

private:
  std::filesystem::path state_path() const { return folder_ / "state.safetensors"; }
  std::filesystem::path folders() const { return folder_ / "states"; }
  std::string job_;
  std::filesystem::path output_, folder_;
  std::optional<FolderLock> lock_; // of folder_, from its first file to its new name
};

} // namespace vlm
