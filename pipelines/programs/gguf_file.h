// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vlm {

/// A file of llama.cpp's format (GGUF, version 3) with random weights: matrices in BF16, vectors
/// in F32. First its keys and tensors are named, then it is written.
class GgufFile {
public:
  void text(const std::string &key, const std::string &value);
  void integer(const std::string &key, int64_t value); ///< 0 to 2^32 - 1
  void real(const std::string &key, double value);
  /// `shape`: one size, or rows and columns.
  void tensor(const std::string &name, std::vector<int64_t> shape);

  /// What write() takes on the disk.
  int64_t bytes() const;
  /// Writes it whole or not at all, with a progress bar. Error(Failed) naming the file.
  void write(const std::filesystem::path &path) const;

private:
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    int64_t bytes, offset;
  };
  std::string header() const;

  uint64_t key_count_ = 0;
  std::string keys_; ///< as they are in the file
  std::vector<Tensor> tensors_;
  int64_t data_bytes_ = 0;
};

} // namespace vlm
