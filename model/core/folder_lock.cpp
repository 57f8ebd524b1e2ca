// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/folder_lock.h"

#include "model/core/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace vlm {

FolderLock::FolderLock(const std::string &folder)
    : fd_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0)
    fail(ErrorCategory::Unreadable, folder, ": ", std::strerror(errno));
  if (flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    return;
  close(fd_);
  fail(ErrorCategory::Settings, folder, ": another process is at work in it");
}

FolderLock::~FolderLock() { close(fd_); }

} // namespace vlm
