// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the demo's program on the sample video, with the embedded model.
#include "tests/support/fixture.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>

namespace vlm {
namespace {

namespace fs = std::filesystem;

class Demo : public ::testing::Test {
protected:
  void SetUp() override {
    directory_ = fs::path(::testing::TempDir()) / "vlm-demo";
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  int run(const std::string &arguments) {
    return shell("cd " + directory_.string() + " && timeout 200 " VLM_DEMO " " + arguments +
                 " >out 2>&1 </dev/null");
  }
  static int shell(const std::string &command) {
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string launch_line() const {
    const std::string all = output();
    return all.substr(std::min(all.size(), all.find("gst-launch-1.0")));
  }
  std::string output() const { return read_file((directory_ / "out").string()); }
  fs::path directory_;
};

TEST_F(Demo, LeavesCaptionsAndASheet) {
  ASSERT_EQ(run("--interval 4 " VLM_SOURCE "/pipelines/sample.webm"), 0) << output();
  std::ifstream file(directory_ / "demo-captions.jsonl");
  uint64_t last = 0;
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const nlohmann::json record = nlohmann::json::parse(line);
    EXPECT_TRUE(record["text"].is_string());
    EXPECT_GE(record["pts"].get<uint64_t>(), last);
    last = record["pts"].get<uint64_t>();
  }
  EXPECT_GE(count, 3);
  EXPECT_GT(fs::file_size(directory_ / "demo-captions.png"), 10000u);
  EXPECT_NE(output().find("gst-launch-1.0 -m filesrc"), std::string::npos) << output();
}

TEST_F(Demo, PrintsALineThatAShellRunsAsItStands) {
  const fs::path odd = directory_ / "it's $HOME \"new\".webm";
  fs::copy_file(VLM_SOURCE "/pipelines/sample.webm", odd);
  ASSERT_EQ(run("--interval 60 *.webm"), 0) << output();
  const std::string line = launch_line();
  EXPECT_EQ(shell("cd " + directory_.string() + " && timeout 100 " + line.substr(0, line.find('\n')) +
                  " >again 2>&1"),
            0)
      << line << read_file((directory_ / "again").string());
}

TEST_F(Demo, NamesAVideoThatIsNotThere) {
  EXPECT_EQ(run("/no/such/video.webm"), 1);
  EXPECT_NE(output().find("/no/such/video.webm"), std::string::npos) << output();
}

TEST_F(Demo, NamesAFileThatIsNoVideo) {
  std::ofstream(directory_ / "text.mp4") << "no video at all, just words\n";
  EXPECT_EQ(run("text.mp4"), 1);
}

} // namespace
} // namespace vlm
