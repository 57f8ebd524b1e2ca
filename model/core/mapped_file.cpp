// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/mapped_file.h"

#include "model/core/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace vlm {

MappedFile::MappedFile(const std::string &path) : path_(path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    fail(errno == ENOENT || errno == ENOTDIR ? ErrorCategory::NotFound : ErrorCategory::Unreadable,
         path, ": ", std::strerror(errno));
  struct stat info {};
  const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (regular && info.st_size > 0) {
    size_ = static_cast<size_t>(info.st_size);
    data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  }
  const int error = errno;
  close(fd);
  if (!regular)
    fail(ErrorCategory::Unreadable, path, ": not a regular file");
  if (data_ == MAP_FAILED)
    fail(ErrorCategory::Unreadable, path, ": ", std::strerror(error));
}

MappedFile::~MappedFile() {
  if (data_)
    munmap(data_, size_);
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

void MappedFile::release(size_t offset, size_t length) const {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + length) / page * page;
  if (end > begin)
    madvise(static_cast<char *>(data_) + begin, end - begin, MADV_DONTNEED);
}

void MappedFile::prefetch(size_t offset, size_t length) const {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = offset / page * page;
  if (begin < size_)
    madvise(static_cast<char *>(data_) + begin, std::min(length + offset - begin, size_ - begin),
            MADV_WILLNEED);
}

std::string read_file(const std::string &path) { return std::string(MappedFile(path).bytes()); }

void write_file(const std::string &path, std::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (!file)
    fail(ErrorCategory::Unreadable, path, ": cannot be written");
}

} // namespace vlm
