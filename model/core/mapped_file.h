// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vlm {

/// A file mapped read-only. The view stays valid as long as the object lives; it is private, so a
/// later change of the file on disk may or may not be seen. Movable, not copyable.
class MappedFile {
public:
  /// Throws Error(NotFound | Unreadable) naming `path`. An empty file gives an empty view.
  explicit MappedFile(const std::string &path);
  ~MappedFile();
  MappedFile(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  MappedFile &operator=(MappedFile &&) = delete;

  const std::string &path() const { return path_; }
  std::string_view bytes() const { return {static_cast<const char *>(data_), size_}; }

  /// Gives the pages of a part back to the system, so that they stop counting as resident. They are
  /// read again from disk when touched.
  void release(size_t offset, size_t length) const;

  /// Starts reading a part from disk, as far as it lies in the file, and returns at once.
  void prefetch(size_t offset, size_t length) const;

private:
  std::string path_;
  void *data_ = nullptr;
  size_t size_ = 0;
};

/// The whole file as a string; errors as MappedFile.
std::string read_file(const std::string &path);

/// Replaces the file's content. Error(Unreadable) naming `path` where that fails, also when the
/// disk fills at the end.
void write_file(const std::string &path, std::string_view content);

} // namespace vlm
