// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/error.h"

#include <functional>
#include <string>
#include <vector>

namespace vlm::test {

/// A directory that vanishes with the object.
class Scratch {
public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  std::string path(const std::string &name) const { return directory_ + "/" + name; }
  /// Writes a file (and the folders above it); returns its path.
  std::string write(const std::string &name, const std::string &bytes) const;
  /// Copies a file or a folder into a folder `name`, which may exist; returns its path.
  std::string copy(const std::string &from, const std::string &name) const;
  /// Paths of all regular files.
  std::vector<std::string> files() const;

private:
  std::string directory_;
};

/// Expects an Error of `category` whose message holds every one of `parts`.
void expect_error(ErrorCategory category, const std::vector<std::string> &parts,
                  const std::function<void()> &action);

/// Calls `use` with `count` damaged copies of `good`: flipped bits and bytes, cut ends, the same on
/// every run.
void fuzz(const std::string &good, int count, const std::function<void(const std::string &)> &use);

} // namespace vlm::test
