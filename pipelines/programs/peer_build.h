// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vlm {

/// Programs of another project, which a Python package's source distribution carries along.
struct PeerSource {
  const char *name; ///< "llama.cpp"
  const char *package, *release;
  const char *digest;                ///< SHA-256 of the distribution
  std::vector<std::string> settings; ///< of cmake, beside those that all have
  std::vector<std::string> programs; ///< cmake's targets

  /// "llama-cpp-python 0.3.36"
  std::string version() const { return std::string(package) + " " + release; }
};

/// Such programs, compiled for this very machine.
class PeerBuild {
public:
  /// What is in `cache`, in a folder of that version; when there is none yet, it is fetched (from
  /// the Python package index) and built there, which takes minutes and is told on standard error.
  /// Error(Unavailable) naming programs that are missing, Error(Failed) with what the one that
  /// failed said.
  PeerBuild(const PeerSource &source, const std::filesystem::path &cache);

  std::filesystem::path program(const std::string &name) const;

private:
  void fetch(const PeerSource &source) const;
  void compile(const PeerSource &source) const;

  std::filesystem::path folder_;
};

/// Where peers and what they need are kept: in the user's cache. Error(Settings) when there is
/// none.
std::filesystem::path peers_folder();

/// Error(Settings) when OpenMP's threads are told to spin: ours, which wait, would take the
/// processors while the other side is measured.
void check_waiting();

} // namespace vlm
