// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/peer_build.h"

#include "model/core/error.h"
#include "model/core/machine.h"
#include "model/core/mapped_file.h"
#include "model/core/user_folders.h"
#include "pipelines/programs/child_program.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <strings.h>

namespace vlm {
namespace {

namespace fs = std::filesystem;

/// What a package's source distribution is named, as a file and as the folder in it.
std::string distribution_of(const PeerSource &source) {
  std::string name = source.package;
  std::replace(name.begin(), name.end(), '-', '_');
  return name + "-" + source.release;
}

} // namespace

PeerBuild::PeerBuild(const PeerSource &source, const fs::path &cache)
    : folder_(cache / distribution_of(source)) {
  if (std::all_of(source.programs.begin(), source.programs.end(),
                  [this](const std::string &name) { return fs::exists(program(name)); }))
    return;
  const std::string project = source.name;
  check_programs({"python3", "tar", "cmake", "make", "cc", "c++"},
                 "building " + project + ", which is measured beside,");
  std::cerr << "vlm-bench: " << project << " (" << source.version() << ") is built in "
            << folder_.string() << ", once; this takes minutes\n";
  if (!fs::exists(folder_ / "source"))
    fetch(source);
  compile(source);
}

fs::path PeerBuild::program(const std::string &name) const { return folder_ / "build/bin" / name; }

void PeerBuild::fetch(const PeerSource &source) const {
  const fs::path part = folder_ / "source.part";
  fs::remove_all(part);
  fs::create_directories(part);
  write_file(part / "requirements.txt", std::string(source.package) + "==" + source.release +
                                            " --hash=sha256:" + source.digest + '\n');
  output_of({"python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--no-binary", source.package, "--require-hashes", "--requirement",
             part / "requirements.txt", "--dest", part});
  const std::string name = distribution_of(source), vendored = name + "/vendor/" + source.name;
  output_of(
      {"tar", "--extract", "--file", part / (name + ".tar.gz"), "--directory", part, vendored});
  fs::rename(part / vendored, folder_ / "source");
  fs::remove_all(part);
}

void PeerBuild::compile(const PeerSource &source) const {
  const fs::path build = folder_ / "build";
  std::vector<std::string> configure = {"cmake",
                                        "-S",
                                        folder_ / "source",
                                        "-B",
                                        build,
                                        "-G",
                                        "Unix Makefiles",
                                        "-DCMAKE_BUILD_TYPE=Release",
                                        "-DGGML_NATIVE=ON"};
  configure.insert(configure.end(), source.settings.begin(), source.settings.end());
  output_of(configure);
  std::vector<std::string> make = {
      "cmake", "--build", build, "--parallel", std::to_string(available_threads()), "--target"};
  make.insert(make.end(), source.programs.begin(), source.programs.end());
  output_of(make);
}

fs::path peers_folder() {
  const std::string folder = user_cache_folder("peers");
  if (folder.empty())
    fail(ErrorCategory::Settings,
         "without HOME or GST_VLM_CACHE_DIR there is no place to build peers in");
  return folder;
}

void check_waiting() {
  const char *policy = std::getenv("OMP_WAIT_POLICY");
  if (policy && strcasecmp(policy, "active") == 0)
    fail(ErrorCategory::Settings, "OMP_WAIT_POLICY=", policy,
         ": our threads would spin while the peer is measured");
}

} // namespace vlm
