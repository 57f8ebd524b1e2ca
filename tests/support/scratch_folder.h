// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace vlm::test {

inline std::vector<std::string> lines_of(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

/// A test that runs programs in an empty folder of its own.
class ScratchFolder : public ::testing::Test {
protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("vlm-" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path &folder() const { return folder_; }
  std::string text_of(const std::string &file) const {
    std::ifstream in(folder_ / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// Runs a line of the shell here, for at most some minutes, and returns its exit status; -1 when
  /// a signal ended it. What it prints is out() and err().
  int shell(const std::string &line) const {
    std::ofstream(folder_ / "line") << line << '\n';
    const std::string command =
        "cd '" + folder_.string() + "' && timeout 300 bash line >out 2>err </dev/null";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string out() const { return text_of("out"); }
  std::string err() const { return text_of("err"); }

private:
  std::filesystem::path folder_;
};

} // namespace vlm::test
