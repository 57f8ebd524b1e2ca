// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace vlm {

/// As long as it lives, no other process (nor another of these in this one) gets one of the same
/// folder. The system takes it back from a process that dies. On file systems that know no locks
/// everybody gets one.
class FolderLock {
public:
  /// Error(Settings) naming `folder` where another has it, Error(Unreadable) where it cannot be
  /// opened.
  explicit FolderLock(const std::string &folder);
  ~FolderLock();
  FolderLock(const FolderLock &) = delete;
  FolderLock &operator=(const FolderLock &) = delete;

private:
  int fd_;
};

} // namespace vlm
