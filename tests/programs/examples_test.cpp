// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the programs of examples/ with the embedded model.
#include "tests/support/scratch_folder.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace vlm::test {
namespace {

const std::string sample = VLM_SOURCE "/pipelines/sample.webm"; // 15 s: eight captions
const std::string built = VLM_EXAMPLES "/";
// Debian's own interpreter, which has the bindings; another may come first in PATH.
const std::string python = "/usr/bin/python3 ";

using Examples = ScratchFolder;

TEST_F(Examples, CaptionsToJsonl) {
  ASSERT_EQ(shell(python + VLM_SOURCE "/examples/captions_to_jsonl.py " + sample), 0) << err();
  const auto lines = lines_of(out());
  ASSERT_EQ(lines.size(), 8u) << out();
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto record = nlohmann::json::parse(lines[i]);
    EXPECT_NEAR(record["pts"].get<double>(), static_cast<double>(i) * 2e9, 1e8);
    EXPECT_FALSE(record.value("text", "").empty()) << record;
  }
}

TEST_F(Examples, Alert) {
  ASSERT_EQ(shell(built + "alert " + sample + " 'Is there a car?'"), 0) << err();
  const auto lines = lines_of(out());
  ASSERT_GE(lines.size(), 1u);
  for (size_t i = 0; i < lines.size(); ++i)
    EXPECT_NE(lines[i].find(i % 2 == 0 ? " alert: Yes" : " over: No"), std::string::npos)
        << lines[i];
}

TEST_F(Examples, Ask) {
  const std::string questions = "printf 'What is shown?\\n\\nIs there a dog?\\n<image>' | ";
  ASSERT_EQ(shell(questions + built + "ask " + sample), 0) << err();
  const auto lines = lines_of(out());
  ASSERT_EQ(lines.size(), 2u) << out();
  EXPECT_NE(lines[0].find("0:00:00.000000000 What is shown? "), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find(" Is there a dog? "), std::string::npos) << lines[1];
  EXPECT_NE(err().find("<image>"), std::string::npos) << err(); // refused, and not waited for
}

TEST_F(Examples, AskWhenTheVideoIsOver) {
  ASSERT_EQ(shell("{ for i in {1..2000}; do grep -q over said && break; sleep 0.1; done; echo "
                  "'What is shown?'; } | " +
                  built + "ask " + sample + " 2>said"),
            0)
      << text_of("said");
  EXPECT_EQ(out().rfind("0:00:14.9", 0), 0u) << out();
}

TEST_F(Examples, OneModel) {
  ASSERT_EQ(shell(built + "one_model " + sample), 0) << err();
  int first = 0, second = 0, memory = 0;
  for (const std::string &line : lines_of(out())) {
    first += line.rfind("first: ", 0) == 0;
    second += line.rfind("second: ", 0) == 0;
    memory += line.rfind("memory: ", 0) == 0;
  }
  EXPECT_EQ(first, 8) << out();
  EXPECT_EQ(second, 8) << out();
  EXPECT_EQ(memory, 1) << out();
}

TEST_F(Examples, OpenCvCaptions) {
  if (!std::filesystem::exists(built + "opencv_captions"))
    GTEST_SKIP() << "built without opencv_videoio or gstreamer-app";
  ASSERT_EQ(shell(built + "opencv_captions " + sample), 0) << err();
  EXPECT_EQ(lines_of(out()).size(), 8u) << out() << err();
}

TEST_F(Examples, TellWhatIsWrong) {
  for (const std::string name : {"alert", "one_model"}) {
    EXPECT_EQ(shell(built + name), 2);
    EXPECT_NE(err().find("usage: " + name), std::string::npos) << err();
    EXPECT_EQ(shell(built + name + " /no/such/video 'Is it?'") == 0, false);
  }
  EXPECT_EQ(shell(built + "ask"), 2);
  EXPECT_NE(err().find("usage: ask"), std::string::npos) << err();
  EXPECT_EQ(shell("echo 'What?' | " + built + "ask /no/such/video"), 1);
  EXPECT_FALSE(err().empty());
  EXPECT_EQ(shell(python + VLM_SOURCE "/examples/captions_to_jsonl.py /no/such/video"), 1);
  EXPECT_FALSE(err().empty());
}

} // namespace
} // namespace vlm::test
