// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model/weights/torch_archive.h"

#include <cstdint>

namespace vlm::test {

std::string little(uint64_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string zip(const ZipEntries &entries, bool zip64) {
  constexpr uint64_t elsewhere = 0xffffffff;
  std::string out, directory;
  for (const auto &[name, data] : entries) {
    const uint64_t local = out.size();
    const std::string sizes = little(data.size(), 4) + little(data.size(), 4);
    const std::string names = little(name.size(), 2);
    const std::string common = little(0, 2) + little(0, 2) + little(0, 8); // flags .. checksum
    out += "PK\3\4" + little(45, 2) + common + sizes + names + little(0, 2) + name + data;
    const std::string extra = zip64 ? little(1, 2) + little(24, 2) + little(data.size(), 8) +
                                          little(data.size(), 8) + little(local, 8)
                                    : "";
    directory += "PK\1\2" + little(45, 2) + little(45, 2) + common +
                 (zip64 ? little(elsewhere, 4) + little(elsewhere, 4) : sizes) + names +
                 little(extra.size(), 2) + little(0, 2) + little(0, 4) + little(0, 4) +
                 little(zip64 ? elsewhere : local, 4) + name + extra;
  }
  const uint64_t start = out.size(), end = start + directory.size(), count = entries.size();
  out += directory;
  if (zip64)
    out += "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
           little(count, 8) + little(count, 8) + little(directory.size(), 8) + little(start, 8) +
           "PK\6\7" + little(0, 4) + little(end, 8) + little(1, 4);
  return out + "PK\5\6" + little(0, 4) + little(zip64 ? 0xffff : count, 2) +
         little(zip64 ? 0xffff : count, 2) + little(directory.size(), 4) +
         little(zip64 ? elsewhere : start, 4) + little(0, 2);
}

namespace pickle {

std::string text(const std::string &value) { return "X" + little(value.size(), 4) + value; }

std::string number(int64_t value) {
  return std::string("\x8a\x08") + little(static_cast<uint64_t>(value), 8);
}

std::string global(const std::string &module, const std::string &name) {
  return "c" + module + "\n" + name + "\n";
}

std::string tuple(const std::vector<std::string> &items) {
  std::string out = "(";
  for (const std::string &item : items)
    out += item;
  return out + "t";
}

std::string ordered_dict() { return global("collections", "OrderedDict") + ")R"; }

std::string dict(const std::vector<std::string> &items) {
  std::string out = ordered_dict() + "(";
  for (const std::string &item : items)
    out += item;
  return out + "u";
}

std::string storage(const std::string &type, const std::string &key, int64_t elements) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), number(elements)}) +
         "Q";
}

std::string tensor(const Tensor &tensor) {
  const auto numbers = [](const std::vector<int64_t> &values) {
    std::vector<std::string> out;
    for (const int64_t value : values)
      out.push_back(number(value));
    return tuple(out);
  };
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple({tensor.storage, number(tensor.offset), numbers(tensor.sizes),
                numbers(tensor.strides), "\x89", ordered_dict()}) +
         "R";
}

std::string program(const std::string &value) { return "\x80\x02" + value + "."; }

} // namespace pickle

std::string torch_archive(const std::string &program, const std::vector<std::string> &data,
                          bool zip64) {
  ZipEntries entries = {{"archive/data.pkl", program}, {"archive/byteorder", "little"}};
  for (size_t i = 0; i < data.size(); ++i)
    entries.emplace_back("archive/data/" + std::to_string(i), data[i]);
  return zip(entries, zip64);
}

} // namespace vlm::test
