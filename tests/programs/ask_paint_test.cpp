// SPDX-License-Identifier: LGPL-2.1-or-later
// vlm-ask --paint: a picture and a wish go in, another picture comes out.
#include "tests/programs/child.h"
#include "tests/support/fixture.h"
#include "tests/support/scratch_folder.h"

#include <opencv2/imgcodecs.hpp>

#include <filesystem>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class AskAndPaint : public ScratchFolder {
protected:
  /// The embedded model answers, the reference's small SDXL paints.
  int ask(const std::string &more) const {
    return shell("OMP_WAIT_POLICY=passive " VLM_ASK " --precision float32 --painter " +
                 data("sdxl/model") + " --size 64x64 --steps 2 --paint out.png " + more);
  }
  int paint(const std::string &prompt) const {
    return shell("OMP_WAIT_POLICY=passive " VLM_PAINT " --model " + data("sdxl/model") +
                 " --size 64x64 --steps 2 --seed 3 --output alone.png '" + prompt + "'");
  }
  void expect(int status, int want, const std::string &part) const {
    EXPECT_EQ(status, want) << err();
    EXPECT_NE(err().find(part), std::string::npos) << err();
    EXPECT_FALSE(fs::exists(folder() / "out.png"));
  }
  const std::string picture_ = data("vicuna/images/landscape.png");
};

TEST_F(AskAndPaint, ThePictureIsThatOfTheAnswersPrompt) {
  ASSERT_EQ(ask("--json --seed 3 --generate 'Draw this scene again.' " + picture_), 0) << err();
  const std::string prompt = json::parse(out())["generation_prompt"];
  ASSERT_NE(prompt, "");
  ASSERT_EQ(paint(prompt), 0) << err();
  EXPECT_EQ(text_of("out.png"), text_of("alone.png"));
}

TEST_F(AskAndPaint, TheEmbeddedPainterNeedsNoName) {
  ASSERT_EQ(shell("OMP_WAIT_POLICY=passive GST_VLM_PAINTER=" + data("sdxl/model") +
                  " " VLM_ASK
                  " --size 64x64 --steps 2 --paint out.png --generate 'Draw this scene again.' " +
                  picture_),
            0)
      << err();
  EXPECT_EQ(cv::imread((folder() / "out.png").string()).size(), cv::Size(64, 64));
}

TEST_F(AskAndPaint, EarlierTurnsMayHaveBeenPainted) {
  ASSERT_EQ(ask("--json --turn 'Draw a dog. <GEN>=<h>a red dog</h>' --turn 'What is it?=A dog.' "
                "--generate 'Draw this scene again.' " +
                picture_),
            0)
      << err();
  const json answer = json::parse(out());
  EXPECT_NE(answer["prompt"].get<std::string>().find("<h>a red dog</h>"), std::string::npos);
  EXPECT_NE(answer["generation_prompt"], "");
  EXPECT_EQ(cv::imread((folder() / "out.png").string()).size(), cv::Size(64, 64));
}

// Every answer is the model's own, and goes on as the next question's earlier turn.
TEST_F(AskAndPaint, AConversationPaintsInTheMiddle) {
  std::string turns;
  const auto say = [&](const std::string &question, const std::string &options) {
    EXPECT_EQ(shell("OMP_WAIT_POLICY=passive " VLM_ASK " --precision float32 --json" + turns + " " +
                    options + " '" + question + "' " + picture_),
              0)
        << err();
    const json answer = json::parse(out());
    const std::string text = answer["text"];
    EXPECT_NE(text, "");
    EXPECT_EQ(text.find('\''), std::string::npos) << "would end the shell's word: " << text;
    turns += " --turn '" + question + (options.empty() ? "" : " <GEN>") + "=" + text + "'";
    return answer;
  };
  const json first = say("What is in the picture?", "");
  EXPECT_TRUE(first["generation_prompt"].is_null());
  const json second =
      say("Draw this scene again.", "--generate --paint out.png --painter " + data("sdxl/model") +
                                        " --size 64x64 --steps 2 --seed 3");
  const std::string wish = second["generation_prompt"];
  EXPECT_NE(wish, "");
  EXPECT_NE(second["prompt"].get<std::string>().find(first["text"].get<std::string>()),
            std::string::npos);
  ASSERT_EQ(paint(wish), 0) << err();
  EXPECT_EQ(text_of("out.png"), text_of("alone.png"));
  const json third = say("Is there a dog?", "");
  EXPECT_NE(third["prompt"].get<std::string>().find("<h>" + wish + "</h>"), std::string::npos)
      << third["prompt"];
  EXPECT_TRUE(third["generation_prompt"].is_null());
}

TEST_F(AskAndPaint, AnAnswerWithoutPromptStaysAndPaintsNothing) {
  expect(ask("'Is there a dog?' " + picture_), 1, "--generate");
  EXPECT_NE(out(), "");
}

TEST_F(AskAndPaint, WhatCannotBePaintedIsToldBeforeTheAnswer) {
  const std::string wish = " --generate 'Draw this.' " + picture_;
  expect(ask("--painter /no/such/model" + wish), 1, "/no/such/model");
  expect(ask("--paint ''" + wish), 2, "--paint");
  expect(ask("--paint out.jpg" + wish), 2, "--paint: \"out.jpg\"");
  expect(ask("--paint /no/such/folder/out.png" + wish), 1, "/no/such/folder/out.png");
  expect(ask("--size 64" + wish), 2, "\"64\"");
  expect(ask("--batch lines.jsonl"), 2, "--batch");
  expect(ask("--size 32768x32768" + wish), 1, "32768x32768 needs ");
  EXPECT_EQ(out(), "");
}

} // namespace
} // namespace vlm::test
