// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model/weights/scratch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

namespace fs = std::filesystem;

namespace vlm::test {

Scratch::Scratch() {
  std::string pattern = ::testing::TempDir() + "vlm-weights-XXXXXX";
  if (!mkdtemp(pattern.data()))
    throw std::runtime_error("cannot create " + pattern);
  directory_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::string Scratch::write(const std::string &name, const std::string &bytes) const {
  fs::create_directories(fs::path(path(name)).parent_path());
  std::ofstream(path(name), std::ios::binary) << bytes;
  return path(name);
}

std::string Scratch::copy(const std::string &from, const std::string &name) const {
  fs::create_directories(fs::path(path(name)).parent_path());
  fs::copy(from, path(name), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  return path(name);
}

std::vector<std::string> Scratch::files() const {
  std::vector<std::string> out;
  for (const auto &entry : fs::recursive_directory_iterator(directory_))
    if (entry.is_regular_file())
      out.push_back(entry.path());
  return out;
}

void expect_error(ErrorCategory category, const std::vector<std::string> &parts,
                  const std::function<void()> &action) {
  try {
    action();
    ADD_FAILURE() << "nothing was refused";
  } catch (const Error &error) {
    const std::string message = error.what();
    EXPECT_EQ(error.category(), category) << message;
    for (const std::string &part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << '"' << part << "\" not in: " << message;
  }
}

void fuzz(const std::string &good, int count, const std::function<void(const std::string &)> &use) {
  std::mt19937 random(20240504);
  for (int i = 0; i < count; ++i) {
    std::string bytes = good;
    const int flips = 1 + static_cast<int>(random() % 4);
    for (int k = 0; k < flips; ++k) {
      char &byte = bytes[random() % bytes.size()];
      byte = random() % 2 ? static_cast<char>(byte ^ (1 << random() % 8))
                          : static_cast<char>(random());
    }
    if (random() % 8 == 0)
      bytes.resize(random() % bytes.size());
    use(bytes);
  }
}

} // namespace vlm::test
