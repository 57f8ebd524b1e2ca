// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vlm::test {

using ZipEntries = std::vector<std::pair<std::string, std::string>>;

/// A zip archive of stored entries; `zip64` writes sizes and positions as 64-bit extras.
std::string zip(const ZipEntries &entries, bool zip64 = false);

/// `value` in `width` little-endian bytes.
std::string little(uint64_t value, int width);

/// Writes pickles opcode by opcode, as torch.save does (protocol 2).
namespace pickle {
std::string text(const std::string &value);
std::string number(int64_t value);
std::string global(const std::string &module, const std::string &name);
std::string tuple(const std::vector<std::string> &items);
std::string ordered_dict();
/// A dictionary of `items`: key, value, ...
std::string dict(const std::vector<std::string> &items);
std::string storage(const std::string &type, const std::string &key, int64_t elements);
struct Tensor {
  std::string storage;
  int64_t offset;
  std::vector<int64_t> sizes, strides;
};
std::string tensor(const Tensor &tensor);
/// The whole program: protocol, value, stop.
std::string program(const std::string &value);
} // namespace pickle

/// A torch file of one pickle and the stored data "0", "1", ...
std::string torch_archive(const std::string &program, const std::vector<std::string> &data,
                          bool zip64 = false);

} // namespace vlm::test
