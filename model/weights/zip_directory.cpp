// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/zip_directory.h"

#include "model/core/error.h"
#include "model/core/utf8.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace vlm {
namespace {

constexpr uint32_t local_magic = 0x04034b50, central_magic = 0x02014b50, end_magic = 0x06054b50;
constexpr uint32_t end64_magic = 0x06064b50, locator64_magic = 0x07064b50;
constexpr size_t local_bytes = 30, central_bytes = 46, end_bytes = 22;
constexpr size_t end64_bytes = 56, locator64_bytes = 20;
constexpr uint64_t max_entries = 1000000;

class ZipReader {
public:
  explicit ZipReader(const MappedFile &file) : path_(file.path()), bytes_(file.bytes()) {}

  std::map<std::string, std::string_view> read() {
    find_directory();
    if (entries_ > max_entries)
      wrong("zip directory claims ", entries_, " entries");
    for (uint64_t i = 0; i < entries_; ++i)
      read_entry();
    check_overlap();
    return std::move(out_);
  }

private:
  template <typename... Parts> [[noreturn]] void wrong(const Parts &...parts) const {
    fail(ErrorCategory::Format, path_, ": ", parts...);
  }

  /// Little-endian number of `width` bytes.
  uint64_t number(uint64_t at, int width) const {
    if (at > bytes_.size() || bytes_.size() - at < static_cast<size_t>(width))
      wrong("zip structure reaches beyond the file's end (file truncated?)");
    uint64_t value = 0;
    for (int i = width; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(bytes_[at + static_cast<size_t>(i)]);
    return value;
  }
  std::string_view range(uint64_t at, uint64_t length, const std::string &what) const {
    if (at > bytes_.size() || length > bytes_.size() - at)
      wrong(what, " reaches beyond the file's end");
    return bytes_.substr(at, length);
  }

  void find_directory() {
    constexpr size_t longest_comment = 65535;
    if (bytes_.size() < end_bytes)
      wrong("too short for a zip archive");
    size_t at = bytes_.size() - end_bytes;
    const size_t last = at - std::min(at, longest_comment);
    while (number(at, 4) != end_magic) {
      if (at-- == last)
        wrong("no zip directory (file truncated, or not written by torch.save as zip)");
    }
    entries_ = number(at + 10, 2);
    next_ = number(at + 16, 4);
    if (at >= locator64_bytes && number(at - locator64_bytes, 4) == locator64_magic) {
      const uint64_t end64 = number(at - locator64_bytes + 8, 8);
      if (number(end64, 4) != end64_magic)
        wrong("zip64 directory is damaged");
      range(end64, end64_bytes, "zip64 directory");
      entries_ = number(end64 + 32, 8);
      next_ = number(end64 + 48, 8);
    }
  }

  void read_entry() {
    if (number(next_, 4) != central_magic)
      wrong("zip directory is damaged");
    const uint64_t flags = number(next_ + 8, 2), method = number(next_ + 10, 2);
    const uint64_t name_length = number(next_ + 28, 2), extra_length = number(next_ + 30, 2);
    const uint64_t comment_length = number(next_ + 32, 2);
    const std::string name = utf8_lossy(range(next_ + central_bytes, name_length, "zip directory"));
    if (flags & 1 || method != 0)
      fail(ErrorCategory::Unsupported, path_, ": zip entry ", name, " is ",
           flags & 1 ? "encrypted" : "compressed");
    uint64_t packed = number(next_ + 20, 4), size = number(next_ + 24, 4);
    uint64_t local = number(next_ + 42, 4);
    const uint64_t extra = next_ + central_bytes + name_length;
    read_zip64(extra, extra + extra_length, {&size, &packed, &local});
    next_ = extra + extra_length + comment_length;
    if (packed != size)
      wrong("zip entry ", name, " has two sizes, ", packed, " and ", size);
    if (!out_.emplace(name, data_of(name, local, size)).second)
      wrong("zip entry ", name, " appears twice");
  }

  /// Numbers that do not fit into 32 bits stand, in this order, in the extra field of kind 1.
  void read_zip64(uint64_t at, uint64_t end, std::initializer_list<uint64_t *> numbers) const {
    constexpr uint64_t elsewhere = 0xffffffff;
    while (at + 4 <= end) {
      const uint64_t kind = number(at, 2), length = number(at + 2, 2);
      uint64_t field = at + 4;
      at = field + length;
      if (kind != 1)
        continue;
      for (uint64_t *value : numbers) {
        if (*value != elsewhere)
          continue;
        if (field + 8 > at || at > end)
          wrong("zip64 sizes are cut off");
        *value = number(field, 8);
        field += 8;
      }
    }
  }

  std::string_view data_of(const std::string &name, uint64_t local, uint64_t size) {
    if (number(local, 4) != local_magic)
      wrong("zip entry ", name, " has no header at byte ", local);
    const uint64_t begin = local + local_bytes + number(local + 26, 2) + number(local + 28, 2);
    const std::string_view data = range(begin, size, "zip entry " + name);
    ranges_.push_back({local, begin + size, name});
    return data;
  }

  void check_overlap() {
    std::sort(ranges_.begin(), ranges_.end(),
              [](const Range &a, const Range &b) { return a.begin < b.begin; });
    for (size_t i = 1; i < ranges_.size(); ++i)
      if (ranges_[i].begin < ranges_[i - 1].end)
        wrong("zip entries ", ranges_[i - 1].name, " and ", ranges_[i].name, " overlap");
  }

  struct Range {
    uint64_t begin, end;
    std::string name;
  };
  const std::string &path_;
  std::string_view bytes_;
  uint64_t entries_ = 0;
  uint64_t next_ = 0; ///< position of the next directory entry
  std::vector<Range> ranges_;
  std::map<std::string, std::string_view> out_;
};

} // namespace

std::map<std::string, std::string_view> read_zip_directory(const MappedFile &file) {
  return ZipReader(file).read();
}

} // namespace vlm
