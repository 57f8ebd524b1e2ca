// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the demo's program on the sample video, with the embedded model.
#include "tests/support/scratch_folder.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace vlm {
namespace {

namespace fs = std::filesystem;

class Demo : public test::ScratchFolder {
protected:
  int run(const std::string &arguments) const { return shell(VLM_DEMO " " + arguments + " 2>&1"); }
  std::string launch_line() const {
    const std::string all = out();
    const std::string from = all.substr(std::min(all.size(), all.find("gst-launch-1.0")));
    return from.substr(0, from.find('\n'));
  }
};

TEST_F(Demo, LeavesCaptionsAndASheet) {
  ASSERT_EQ(run("--interval 4 " VLM_SOURCE "/pipelines/sample.webm"), 0) << out();
  std::ifstream file(folder() / "demo-captions.jsonl");
  uint64_t last = 0;
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const nlohmann::json record = nlohmann::json::parse(line);
    EXPECT_TRUE(record["text"].is_string());
    EXPECT_GE(record["pts"].get<uint64_t>(), last);
    last = record["pts"].get<uint64_t>();
  }
  EXPECT_GE(count, 3);
  EXPECT_GT(fs::file_size(folder() / "demo-captions.png"), 10000u);
  EXPECT_NE(out().find("gst-launch-1.0 -m filesrc"), std::string::npos) << out();
}

TEST_F(Demo, PrintsALineThatAShellRunsAsItStands) {
  const fs::path odd = folder() / "it's $HOME \"new\".webm";
  fs::copy_file(VLM_SOURCE "/pipelines/sample.webm", odd);
  ASSERT_EQ(run("--interval 60 *.webm"), 0) << out();
  const std::string line = launch_line();
  EXPECT_EQ(shell(line + " 2>&1"), 0) << line << out();
}

TEST_F(Demo, NamesAVideoThatIsNotThere) {
  EXPECT_EQ(run("/no/such/video.webm"), 1);
  EXPECT_NE(out().find("/no/such/video.webm"), std::string::npos) << out();
}

TEST_F(Demo, NamesAFileThatIsNoVideo) {
  std::ofstream(folder() / "text.mp4") << "no video at all, just words\n";
  EXPECT_EQ(run("text.mp4"), 1);
}

} // namespace
} // namespace vlm
