// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs every gst-launch line of the README as it stands there, but for the window: a test has no
// display.
#include "tests/support/scratch_folder.h"

#include <regex>
#include <vector>

namespace vlm {
namespace {

namespace fs = std::filesystem;

const fs::path source = VLM_SOURCE;

std::vector<std::string> launch_lines() {
  std::vector<std::string> lines;
  std::ifstream readme(source / "README.md");
  for (std::string line; std::getline(readme, line);)
    if (line.rfind("    gst-launch-1.0 ", 0) == 0 && line.find("…") == std::string::npos)
      lines.push_back(line.substr(4));
  return lines;
}

std::string replace(const std::string &text, const std::string &from, const std::string &to) {
  return std::regex_replace(text, std::regex(from), to);
}

std::string runnable(std::string line) {
  line = replace(line, "autovideosink", "fakesink");
  line = replace(line, "pipelines/sample.webm", (source / "pipelines/sample.webm").string());
  return line;
}

class ReadmeLine : public test::ScratchFolder, public ::testing::WithParamInterface<std::string> {};

TEST_P(ReadmeLine, Runs) {
  ASSERT_EQ(shell(runnable(GetParam()) + " 2>&1"), 0) << GetParam() << "\n" << out();
  if (GetParam().find(" -m ") != std::string::npos) {
    EXPECT_NE(out().find("vlmcaption/caption"), std::string::npos) << out();
  }
  if (GetParam().find("captioned.mkv") != std::string::npos) {
    EXPECT_GT(fs::file_size(folder() / "captioned.mkv"), 10000u);
  }
  if (GetParam().find("painted-%02d.png") != std::string::npos) {
    EXPECT_GT(fs::file_size(folder() / "painted-02.png"), 2000u);
  }
}

INSTANTIATE_TEST_SUITE_P(GstLaunch, ReadmeLine, ::testing::ValuesIn(launch_lines()));

TEST(Readme, HasFiveLines) { EXPECT_GE(launch_lines().size(), 5u); }

} // namespace
} // namespace vlm
