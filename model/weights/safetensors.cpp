// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/safetensors.h"

#include "model/core/error.h"
#include "model/core/json_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <unistd.h>

namespace vlm {
namespace {

using nlohmann::json;

constexpr size_t max_header_bytes = size_t{16} << 20;
constexpr size_t length_bytes = 8;

struct NamedType {
  const char *name;
  at::ScalarType type;
};
constexpr NamedType types[] = {
    {"F32", at::kFloat}, {"BF16", at::kBFloat16}, {"F16", at::kHalf},  {"F64", at::kDouble},
    {"I64", at::kLong},  {"I32", at::kInt},       {"I16", at::kShort}, {"I8", at::kChar},
    {"U8", at::kByte},   {"BOOL", at::kBool},
};

uint64_t read_length(const char *bytes) {
  uint64_t value = 0;
  for (size_t i = length_bytes; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Reads and checks one entry of a header. Offsets stay relative to the data section.
class Entry {
public:
  Entry(const std::string &path, const std::string &name, const json &value)
      : path_(path), name_(name), value_(value) {}

  SafetensorsFile::Info read(size_t data_bytes) const {
    if (!value_.is_object() || value_.size() != 3)
      wrong("an entry needs exactly dtype, shape and data_offsets");
    SafetensorsFile::Info info{dtype(), shape(), 0, 0, {}};
    const auto [begin, end] = offsets();
    if (begin > end || end > data_bytes)
      wrong("bytes ", begin, " to ", end, " lie outside the ", data_bytes,
            " bytes of data (file truncated?)");
    const std::optional<int64_t> numel = checked_numel(info.shape);
    if (!numel)
      wrong("shape ", value_["shape"].dump(), " is too large");
    info.offset = begin;
    info.bytes = end - begin;
    const size_t expected = static_cast<size_t>(*numel) * c10::elementSize(info.dtype);
    if (expected != info.bytes)
      wrong("shape ", value_["shape"].dump(), " needs ", expected, " bytes, has ", info.bytes);
    return info;
  }

private:
  template <typename... Parts> [[noreturn]] void wrong(const Parts &...parts) const {
    fail(ErrorCategory::Format, path_, ": tensor ", name_, ": ", parts...);
  }

  const json &member(const char *key) const {
    const auto found = value_.find(key);
    if (found == value_.end())
      wrong(key, " is missing");
    return *found;
  }

  at::ScalarType dtype() const {
    const json &value = member("dtype");
    if (!value.is_string())
      wrong("dtype is not a string");
    for (const NamedType &type : types)
      if (value.get_ref<const std::string &>() == type.name)
        return type.type;
    fail(ErrorCategory::Unsupported, path_, ": tensor ", name_, ": unknown dtype ", value.dump());
  }

  std::vector<int64_t> shape() const {
    const json &value = member("shape");
    if (!value.is_array() || value.size() > 8)
      wrong("shape is not a list of at most 8 sizes");
    std::vector<int64_t> out;
    for (const json &size : value) {
      if (!size.is_number_unsigned())
        wrong("shape holds ", size.dump(), ", expected a size");
      out.push_back(static_cast<int64_t>(
          std::min<uint64_t>(size.get<uint64_t>(), std::numeric_limits<int64_t>::max())));
    }
    return out;
  }

  std::pair<size_t, size_t> offsets() const {
    const json &value = member("data_offsets");
    if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() ||
        !value[1].is_number_unsigned())
      wrong("data_offsets is not a pair of byte positions");
    return {value[0].get<size_t>(), value[1].get<size_t>()};
  }

  const std::string &path_;
  const std::string &name_;
  const json &value_;
};

std::map<std::string, std::string> read_metadata(const std::string &path, const json &value) {
  if (!value.is_object())
    fail(ErrorCategory::Format, path, ": __metadata__ is not an object");
  for (const auto &[key, text] : value.items())
    if (!text.is_string())
      fail(ErrorCategory::Format, path, ": __metadata__ key ", key, " is not a string");
  return value.get<std::map<std::string, std::string>>();
}

/// Tensors must follow each other without gap or overlap and fill the data section.
void check_layout(const std::string &path,
                  const std::map<std::string, SafetensorsFile::Info> &tensors, size_t data_bytes) {
  std::vector<std::pair<const std::string *, const SafetensorsFile::Info *>> order;
  for (const auto &[name, info] : tensors)
    order.emplace_back(&name, &info);
  std::sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
    return std::pair(a.second->offset, a.second->bytes) <
           std::pair(b.second->offset, b.second->bytes);
  });
  size_t end = 0;
  for (const auto &[name, info] : order) {
    if (info->offset < end)
      fail(ErrorCategory::Format, path, ": tensor ", *name, " overlaps the tensor before it");
    if (info->offset > end)
      fail(ErrorCategory::Format, path, ": ", info->offset - end, " unused bytes before tensor ",
           *name);
    end += info->bytes;
  }
  if (end != data_bytes)
    fail(ErrorCategory::Format, path, ": ", data_bytes - end, " bytes after the last tensor");
}

std::string_view header_of(const MappedFile &file) {
  const std::string_view bytes = file.bytes();
  if (bytes.size() < length_bytes)
    fail(ErrorCategory::Format, file.path(), ": ", bytes.size(),
         " bytes are too few for a safetensors file");
  const uint64_t length = read_length(bytes.data());
  if (length > max_header_bytes)
    fail(ErrorCategory::Format, file.path(), ": header length ", length, " is above the limit of ",
         max_header_bytes);
  if (length > bytes.size() - length_bytes)
    fail(ErrorCategory::Format, file.path(), ": header of ", length,
         " bytes reaches beyond the file's end (file truncated?)");
  return bytes.substr(length_bytes, length);
}

} // namespace

SafetensorsFile::SafetensorsFile(const std::string &path) : TensorFile(path) {
  header_ = header_of(file_);
  const size_t start = length_bytes + header_.size();
  const size_t data_bytes = file_.bytes().size() - start;
  const json entries = parse_json_object(header_, path, 6);
  for (const auto &[name, value] : entries.items()) {
    if (name == "__metadata__")
      metadata_ = read_metadata(path, value);
    else
      tensors_.emplace(name, Entry(path, name, value).read(data_bytes));
  }
  check_layout(path, tensors_, data_bytes);
  for (auto &[name, info] : tensors_)
    info.offset += start;
}

namespace {

const char *type_name(const std::string &path, const std::string &name, at::ScalarType type) {
  for (const NamedType &known : types)
    if (known.type == type)
      return known.name;
  fail(ErrorCategory::Unsupported, path, ": tensor ", name, ": type ", c10::toString(type),
       " cannot be written");
}

std::string make_header(const std::string &path,
                        const std::vector<std::pair<std::string, at::Tensor>> &tensors,
                        const std::map<std::string, std::string> &metadata) {
  nlohmann::ordered_json header;
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  size_t offset = 0;
  for (const auto &[name, tensor] : tensors) {
    if (header.contains(name))
      fail(ErrorCategory::Format, path, ": tensor ", name, " is given twice");
    header[name] = {{"dtype", type_name(path, name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  std::string text = tensors.empty() && metadata.empty() ? "{}" : header.dump();
  // The format wants data aligned to 8; who maps the file wants it at the begin of a cache line.
  constexpr size_t kCacheLine = 64;
  const size_t start = length_bytes + text.size();
  text.resize(text.size() + (kCacheLine - start % kCacheLine) % kCacheLine, ' ');
  return text;
}

/// A file that is removed again unless it was put into place.
class NewFile {
public:
  explicit NewFile(const std::string &path)
      : path_(path), temporary_(path + ".tmp" + std::to_string(getpid())),
        fd_(open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (fd_ < 0)
      failed("cannot create");
  }
  ~NewFile() {
    if (fd_ >= 0) {
      close(fd_);
      unlink(temporary_.c_str());
    }
  }
  NewFile(const NewFile &) = delete;
  NewFile &operator=(const NewFile &) = delete;

  void write(const void *data, size_t size) {
    const char *bytes = static_cast<const char *>(data);
    while (size > 0) {
      const ssize_t done = ::write(fd_, bytes, size);
      if (done < 0 && errno == EINTR)
        continue;
      if (done <= 0)
        failed("cannot write");
      bytes += done;
      size -= static_cast<size_t>(done);
    }
  }

  void put_into_place(Durability durability) {
    const bool sync = durability == Durability::Synced;
    if ((sync && fsync(fd_) != 0) || rename(temporary_.c_str(), path_.c_str()) != 0)
      failed("cannot write");
    close(fd_);
    fd_ = -1;
    if (sync)
      sync_folder();
  }

private:
  void sync_folder() const { // makes the new name durable; not every file system can
    const size_t slash = path_.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
      fsync(fd);
      close(fd);
    }
  }
  [[noreturn]] void failed(const char *what) const {
    fail(ErrorCategory::Unreadable, path_, ": ", what, ": ", std::strerror(errno));
  }
  std::string path_;
  std::string temporary_;
  int fd_;
};

} // namespace

void write_safetensors(const std::string &path,
                       const std::vector<std::pair<std::string, at::Tensor>> &tensors,
                       const std::map<std::string, std::string> &metadata, Durability durability) {
  const std::string header = make_header(path, tensors, metadata);
  char length[length_bytes];
  for (size_t i = 0; i < length_bytes; ++i)
    length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  NewFile file(path);
  file.write(length, sizeof length);
  file.write(header.data(), header.size());
  for (const auto &[name, tensor] : tensors) {
    const at::Tensor data = tensor.detach().cpu().contiguous();
    file.write(data.data_ptr(), data.nbytes());
  }
  file.put_into_place(durability);
}

} // namespace vlm
