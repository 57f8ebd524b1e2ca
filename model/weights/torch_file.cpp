// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/torch_file.h"

#include "model/core/error.h"
#include "model/core/utf8.h"
#include "model/weights/pickle_reader.h"
#include "model/weights/zip_directory.h"

namespace vlm {
namespace {

using Kind = PickleValue::Kind;
using Entries = std::map<std::string, std::string_view>;

constexpr size_t max_pickle_bytes = size_t{8} << 20;

/// "archive/data.pkl" -> "archive/". The folder's name is that of the file when it was written.
std::string archive_prefix(const std::string &path, const Entries &entries) {
  const std::string wanted = "/data.pkl";
  for (const auto &[name, data] : entries)
    if (name.size() > wanted.size() && name.find('/') == name.size() - wanted.size() &&
        name.compare(name.size() - wanted.size(), wanted.size(), wanted) == 0)
      return name.substr(0, name.find('/') + 1);
  fail(ErrorCategory::Format, path, ": zip entry data.pkl is missing");
}

std::vector<int64_t> integers(const PickleValue &tuple) {
  std::vector<int64_t> out;
  for (const PickleValue &item : *tuple.items)
    out.push_back(item.number);
  return out;
}

bool contiguous(const std::vector<int64_t> &shape, const std::vector<int64_t> &strides) {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected)
      return false;
    expected *= shape[i];
  }
  return true;
}

/// Turns one value of the state dictionary into a checked description of bytes in the file.
class TensorReader {
public:
  TensorReader(const MappedFile &file, const Entries &entries, const std::string &prefix)
      : file_(file), entries_(entries), prefix_(prefix) {}

  TensorFile::Info read(const std::string &name, const PickleValue &tensor) const {
    const std::vector<PickleValue> &parts = *tensor.items;
    TensorFile::Info info{parts[0].dtype, integers(parts[2]), 0, 0, integers(parts[3])};
    const int64_t offset = parts[1].number;
    const std::string_view data = storage(name, parts[0]);
    const int64_t stored = parts[0].number;
    const std::optional<int64_t> numel = checked_numel(info.shape);
    if (!numel || info.strides.size() != info.shape.size())
      wrong(name, "has an impossible shape");
    if (*numel > stored)
      wrong(name, "has more elements than its storage");
    const int64_t span = *numel ? span_of(name, info, stored) : 0;
    if (offset < 0 || offset > stored || span > stored - offset)
      wrong(name, "reaches beyond its storage");
    if (*numel == 0 || contiguous(info.shape, info.strides))
      info.strides.clear();
    const size_t width = c10::elementSize(info.dtype);
    info.offset = static_cast<size_t>(data.data() - file_.bytes().data()) +
                  static_cast<size_t>(offset) * width;
    info.bytes = static_cast<size_t>(span) * width;
    return info;
  }

private:
  [[noreturn]] void wrong(const std::string &name, const std::string &what) const {
    fail(ErrorCategory::Format, file_.path(), ": tensor ", name, " ", what);
  }

  std::string_view storage(const std::string &name, const PickleValue &value) const {
    const auto found = entries_.find(prefix_ + "data/" + std::string(value.text));
    if (found == entries_.end())
      wrong(name, "has no stored data (zip entry data/" + utf8_lossy(value.text) + ")");
    const size_t elements = found->second.size() / c10::elementSize(value.dtype);
    if (value.number < 0 || static_cast<uint64_t>(value.number) > elements)
      wrong(name, "wants " + std::to_string(value.number) + " stored elements, there are " +
                      std::to_string(elements));
    return found->second;
  }

  /// Elements from the first to the last one, for a tensor that is not empty.
  int64_t span_of(const std::string &name, const TensorFile::Info &info, int64_t stored) const {
    int64_t span = 1;
    for (size_t i = 0; i < info.shape.size(); ++i) {
      int64_t reach = 0;
      if (info.strides[i] < 0 ||
          __builtin_mul_overflow(info.shape[i] - 1, info.strides[i], &reach) ||
          __builtin_add_overflow(span, reach, &span) || span > stored)
        wrong(name, "has strides that reach beyond its storage");
    }
    return span;
  }

  const MappedFile &file_;
  const Entries &entries_;
  const std::string &prefix_;
};

const PickleValue *find(const PickleValue &dict, std::string_view key) {
  for (size_t i = 0; i + 1 < dict.items->size(); i += 2)
    if ((*dict.items)[i].kind == Kind::Text && (*dict.items)[i].text == key)
      return &(*dict.items)[i + 1];
  return nullptr;
}

} // namespace

TorchFile::TorchFile(const std::string &path) : TensorFile(path) {
  const Entries entries = read_zip_directory(file_);
  const std::string prefix = archive_prefix(path, entries);
  const auto order = entries.find(prefix + "byteorder");
  if (order != entries.end() && order->second != "little")
    fail(ErrorCategory::Unsupported, path, ": byte order ",
         utf8_lossy(order->second.substr(0, 20)));
  header_ = entries.at(prefix + "data.pkl");
  if (header_.size() > max_pickle_bytes)
    fail(ErrorCategory::Format, path, ": pickle of ", header_.size(), " bytes is too large");

  PickleReader reader(path, header_);
  PickleValue dict = reader.read();
  if (dict.kind == Kind::Dict)
    if (const PickleValue *inner = find(dict, "state_dict"); inner && inner->kind == Kind::Dict)
      dict = *inner;
  if (dict.kind != Kind::Dict)
    fail(ErrorCategory::Format, path, ": holds no dictionary of tensors");
  const TensorReader tensors(file_, entries, prefix);
  for (size_t i = 0; i + 1 < dict.items->size(); i += 2) {
    const PickleValue &key = (*dict.items)[i], &value = (*dict.items)[i + 1];
    if (value.kind != Kind::Tensor) // an epoch, settings and the like
      continue;
    if (key.kind != Kind::Text || !utf8_valid(key.text))
      fail(ErrorCategory::Format, path, ": a tensor's name is no text");
    const std::string name(key.text);
    if (!tensors_.emplace(name, tensors.read(name, value)).second)
      fail(ErrorCategory::Format, path, ": duplicate tensor ", name);
  }
  if (tensors_.empty())
    fail(ErrorCategory::Format, path, ": holds no tensors");
}

} // namespace vlm
