// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/packed_cache.h"

#include "model/core/checksum.h"
#include "model/core/error.h"
#include "model/core/log.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>

#include <chrono>
#include <filesystem>
#include <sstream>
#include <sys/mman.h>
#include <utility>

namespace vlm {
namespace {

namespace fs = std::filesystem;

constexpr const char *kStampKey = "stamp";
constexpr auto kUnused = std::chrono::hours(24 * 30);

/// Of its type and shape, too. All threads work: each part has a checksum, and these have one.
std::string checksum_of(const at::Tensor &tensor) {
  constexpr size_t kPart = size_t{1} << 20, kDigits = 16;
  const std::string_view all(static_cast<const char *>(tensor.data_ptr()), tensor.nbytes());
  const size_t parts = (all.size() + kPart - 1) / kPart;
  std::string digits(parts * kDigits, '0');
  at::parallel_for(0, static_cast<int64_t>(parts), 1, [&](int64_t from, int64_t to) {
    for (auto i = static_cast<size_t>(from); i < static_cast<size_t>(to); ++i)
      checksum(all.substr(i * kPart, kPart)).copy(&digits[i * kDigits], kDigits);
  });
  std::ostringstream out;
  out << tensor.scalar_type() << tensor.sizes() << checksum(digits);
  return out.str();
}

/// As it lies in the file, which stays mapped for it: no time to copy it, and processes with one
/// model share the memory. Locked where the process may, since some kernels take pages back that
/// rest for minutes, and the next answer would wait for the disk. A copy where it does not begin
/// with a cache line.
at::Tensor map_tensor(const std::shared_ptr<const SafetensorsFile> &file, const std::string &name) {
  constexpr uintptr_t kCacheLine = 64;
  const TensorFile::Info &info = file->info(name);
  const std::string_view bytes = file->bytes(info);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kCacheLine != 0)
    return file->load(name);
  file->prefetch_behind(info);
  (void)mlock(bytes.data(), bytes.size());
  return at::from_blob( // has no const form; weights are only read
      const_cast<char *>(bytes.data()), info.shape, [file](void *) {},
      at::TensorOptions().dtype(info.dtype));
}

std::string checksum_key(const std::string &name) { return "checksum." + name; }

/// Files that were not used for long, and what an interrupted write left behind.
void remove_unused(const fs::path &folder) {
  std::error_code ignored;
  for (const fs::directory_entry &each : fs::directory_iterator(folder, ignored)) {
    const bool ours = each.path().filename().string().find(".safetensors") != std::string::npos;
    const auto used = each.last_write_time(ignored);
    if (ours && !ignored && fs::file_time_type::clock::now() - used > kUnused)
      fs::remove(each, ignored);
  }
}

} // namespace

PackedCache::PackedCache(const StateDict &below, std::string path, std::string stamp)
    : below_(below), path_(std::move(path)), stamp_(std::move(stamp)) {
  std::error_code ignored;
  if (fs::exists(path_, ignored))
    open();
}

void PackedCache::open() {
  try {
    file_ = std::make_shared<const SafetensorsFile>(path_);
    if (file_->metadata(kStampKey) != stamp_)
      file_.reset();
  } catch (const Error &error) {
    log(LogLevel::Warning, error.what(), "; it is made anew");
  }
  std::error_code ignored; // tells that it is in use
  if (file_)
    fs::last_write_time(path_, fs::file_time_type::clock::now(), ignored);
}

bool PackedCache::contains(const std::string &name) const {
  return below_.contains(name) || take(name);
}

std::vector<int64_t> PackedCache::shape(const std::string &name) const {
  return take(name) ? packed_.at(name).sizes().vec() : below_.shape(name);
}

at::Tensor PackedCache::load(const std::string &name, at::ScalarType dtype) const {
  return take(name) ? packed_.at(name).to(dtype) : below_.load(name, dtype);
}

std::string PackedCache::origin(const std::string &name) const {
  return take(name) ? path_ : below_.origin(name);
}

// The file has everything of a matrix or nothing; a damaged part makes the whole unseen, since
// `qweight` is asked for first.
bool PackedCache::take(const std::string &name) const {
  if (packed_.count(name) > 0)
    return true;
  if (!file_ || file_->tensors().count(name) == 0)
    return false;
  const std::string matrix = name.substr(0, name.rfind('.') + 1);
  std::map<std::string, at::Tensor> taken;
  for (auto part = file_->tensors().lower_bound(matrix);
       part != file_->tensors().end() && part->first.compare(0, matrix.size(), matrix) == 0;
       ++part) {
    at::Tensor tensor = map_tensor(file_, part->first);
    if (checksum_of(tensor) != file_->metadata(checksum_key(part->first))) {
      log(LogLevel::Warning, path_, ": tensor ", part->first, " is damaged; it is made anew");
      return false;
    }
    taken.emplace(part->first, std::move(tensor));
  }
  packed_.merge(taken);
  return true;
}

void PackedCache::keep(const std::string &name, const at::Tensor &tensor) {
  packed_[name] = tensor;
  anew_ = true;
}

void PackedCache::save() const noexcept {
  if (!anew_)
    return;
  try {
    write();
  } catch (const std::exception &error) {
    log(LogLevel::Info, "packed weights are not kept: ", error.what());
  }
}

void PackedCache::write() const {
  const fs::path folder = fs::path(path_).parent_path();
  fs::create_directories(folder);
  remove_unused(folder);
  std::vector<std::pair<std::string, at::Tensor>> tensors(packed_.begin(), packed_.end());
  std::map<std::string, std::string> metadata = {{kStampKey, stamp_}};
  uint64_t bytes = 0;
  for (const auto &[name, tensor] : tensors) {
    metadata[checksum_key(name)] = checksum_of(tensor);
    bytes += tensor.nbytes();
  }
  if (const uint64_t left = fs::space(folder).available; left / 2 < bytes)
    fail(ErrorCategory::Failed, folder.string(), ": ", bytes, " bytes of ", left,
         " that are left would be more than half");
  write_safetensors(path_, tensors, metadata, Durability::Cache);
  log(LogLevel::Info, path_, ": packed weights are kept for the next start");
}

} // namespace vlm
