// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs vlm-paint as a user would; its pictures against the reference: check_vlm_paint.py.
#include "tests/programs/child.h"
#include "tests/support/fixture.h"
#include "tests/support/sanitized.h"
#include "tests/support/scratch_folder.h"

#include <opencv2/imgcodecs.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Paint : public ScratchFolder {
protected:
  /// Runs the program on the small model; `more` overrides.
  int paint(const std::string &more) const {
    return run("--model " + data("sdxl/model") +
               " --precision float32 --size 64x64 --steps 2 --output out.png " + more);
  }
  int run(const std::string &arguments) const {
    // Otherwise the program sets it and starts once more, which takes longer than all the rest.
    return shell("OMP_WAIT_POLICY=passive " VLM_PAINT " " + arguments);
  }
  void expect(int status, int want, const std::string &part) const {
    EXPECT_EQ(status, want) << err();
    EXPECT_NE(err().find(part), std::string::npos) << err();
    EXPECT_EQ(out(), "");
    EXPECT_FALSE(fs::exists(folder() / "out.png"));
  }
  cv::Mat picture(const std::string &file) const {
    return cv::imread((folder() / file).string(), cv::IMREAD_UNCHANGED);
  }
};

bool equal(const cv::Mat &a, const cv::Mat &b) {
  return a.size() == b.size() && a.type() == b.type() &&
         std::equal(a.datastart, a.dataend, b.datastart);
}

TEST_F(Paint, HelpAndWrongUse) {
  EXPECT_EQ(run("--help"), 0);
  EXPECT_NE(out().find("--guidance"), std::string::npos);
  EXPECT_NE(out().find("--count"), std::string::npos);
  expect(run("--model '' x"), 2, "--output");
  expect(run("--model /no/such x"), 2, "--output");
  expect(paint(""), 2, "PROMPT");
  expect(paint("--size 64 x"), 2, "\"64\"");
  expect(paint("--size 64x64x64 x"), 2, "\"64x64x64\"");
  expect(paint("--size 100x64 x"), 2, "multiple of 8");
  expect(paint("--steps 0 x"), 2, "steps");
  expect(paint("--guidance -1 x"), 2, "guidance");
  expect(paint("--count 0 x"), 2, "--count");
  expect(paint("--output out.jpg x"), 2, "\"out.jpg\" does not end in .png");
  expect(paint("--output out x"), 2, "\"out\"");
  expect(paint("--count 2 --dump d.safetensors x"), 2, "--dump");
  expect(paint("--count 2 --seed 18446744073709551615 x"), 2, "18446744073709551615");
}

TEST_F(Paint, WithoutModelTheEmbeddedPainterPaints) {
  const std::string arguments = " --size 64x64 --steps 2 --output out.png 'a red bird'";
  const auto paint_with = [&](const std::string &variables) {
    return shell("OMP_WAIT_POLICY=passive " + variables + " " VLM_PAINT + arguments);
  };
  expect(paint_with("GST_VLM_PAINTER=/no/such"), 1, "/no/such/model_index.json");
  ASSERT_EQ(paint_with("GST_VLM_PAINTER=" + data("sdxl/model")), 0) << err();
  const cv::Mat other = picture("out.png");
  EXPECT_EQ(other.size(), cv::Size(64, 64));
  ASSERT_EQ(paint_with("GST_VLM_PAINTER="), 0) << err();
  EXPECT_FALSE(equal(picture("out.png"), other));
}

// Its pictures, as the embedded model sees them. Not all of them have to be good.
TEST_F(Paint, TheEmbeddedPainterPaintsWhatIsAsked) {
  int named = 0, colored = 0;
  const std::vector<std::pair<std::string, std::string>> things = {{"red", "circle"},
                                                                   {"green", "triangle"},
                                                                   {"blue", "square"},
                                                                   {"yellow", "hexagon"},
                                                                   {"brown", "diamond"}};
  for (const auto &[color, shape] : things) {
    ASSERT_EQ(run("--seed 2 --output out.png 'a " + color + " " + shape + "'"), 0) << err();
    ASSERT_EQ(shell("OMP_WAIT_POLICY=passive " VLM_ASK " 'Describe this image.' out.png"), 0)
        << err();
    const std::string said = out();
    named += said.find(shape) != said.npos;
    colored += said.find(color) != said.npos;
  }
  EXPECT_GE(named, 4);
  EXPECT_GE(colored, 4);
}

TEST_F(Paint, TextEncodersAreFreedWhenNoPictureFollows) {
  const std::string freed = "text encoders are freed";
  ASSERT_EQ(paint("--verbose x"), 0) << err();
  EXPECT_NE(err().find(freed), std::string::npos) << err();
  ASSERT_EQ(paint("--verbose --count 2 x"), 0) << err();
  EXPECT_EQ(err().find(freed), std::string::npos) << err();
}

TEST_F(Paint, WhatFailsIsNamed) {
  expect(paint("--model /no/such/model x"), 1, "/no/such/model");
  expect(paint("--model " + data("vicuna/model") + " x"), 1, "model_index.json");
  expect(paint("--device cuda x"), 1, "cuda");
  expect(paint("--latents nothing.safetensors x"), 1, "nothing.safetensors");
  expect(paint("--output /no/such/folder/out.png x"), 1, "/no/such/folder/out.png");
  expect(paint("--dump /no/such/folder/d x"), 1, "/no/such/folder/d");
  expect(paint("''"), 1, "empty");
  expect(paint("$'a\\xff'"), 1, "UTF-8");
}

TEST_F(Paint, WhatDoesNotFitIsToldBeforeAnythingIsLoaded) {
  fs::copy(data("sdxl/model"), folder() / "model", fs::copy_options::recursive);
  const fs::path weights = folder() / "model/unet/diffusion_pytorch_model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 4);
  std::ofstream(weights, std::ios::app | std::ios::binary) << "\xff\xff\xff\xff";
  expect(paint("--model model x"), 1, "holds NaN");
  expect(paint("--model model --size 32768x32768 x"), 1, "32768x32768 needs ");
  EXPECT_NE(err().find(" GB of memory, but only "), std::string::npos) << err();
}

// What the estimate cannot foresee: a limit that the kernel does not show as memory.
TEST_F(Paint, AFailedAllocationIsOneLine) {
  if (kSanitized)
    GTEST_SKIP() << "the sanitizer needs all addresses";
  const std::string arguments = " --model " + data("sdxl/model") +
                                " --precision float32 --threads 1" +
                                " --size 2048x2048 --steps 1 --output out.png x";
  expect(shell("ulimit -v 1500000; OMP_WAIT_POLICY=passive " VLM_PAINT + arguments), 1,
         "vlm-paint: out of memory: ");
  EXPECT_NE(err().find(" could not be allocated"), std::string::npos) << err();
  EXPECT_EQ(lines_of(err()).size(), 1u) << err();
}

TEST_F(Paint, TheSameSeedPaintsTheSame) {
  ASSERT_EQ(paint("--output a.png --seed 5 'a red bird'"), 0) << err();
  ASSERT_EQ(paint("--output b.png --seed 5 'a red bird'"), 0);
  ASSERT_EQ(paint("--output c.png --seed 6 'a red bird'"), 0);
  EXPECT_EQ(text_of("a.png"), text_of("b.png"));
  EXPECT_EQ(picture("a.png").size(), cv::Size(64, 64));
  EXPECT_FALSE(equal(picture("a.png"), picture("c.png")));
  EXPECT_EQ(out() + err(), "");
}

TEST_F(Paint, SeveralSeedsMakeASheet) {
  ASSERT_EQ(paint("--size 64x40 --seed 5 --count 3 'a red bird'"), 0) << err();
  const cv::Mat sheet = picture("out.png");
  EXPECT_EQ(sheet.size(), cv::Size(8 + 2 * (64 + 8), 8 + 2 * (40 + 8)));
  for (int i = 0; i < 3; ++i) {
    const cv::Rect place(8 + i % 2 * 72, 8 + i / 2 * 48, 64, 40);
    EXPECT_TRUE(equal(sheet(place).clone(), picture("out-" + std::to_string(5 + i) + ".png")));
  }
  EXPECT_FALSE(fs::exists(folder() / "out-8.png"));
}

TEST_F(Paint, ASheetThatDoesNotFitIsToldBeforeAnythingIsPainted) {
  EXPECT_EQ(paint("--size 3072x3072 --steps 1 --count 10000 x"), 1);
  EXPECT_NE(err().find("--count 10000: a sheet of 308008x308008 needs 569.21 GB of memory, but "
                       "only "),
            std::string::npos)
      << err();
  EXPECT_FALSE(fs::exists(folder() / "out-0.png"));
}

// What is painted is there, whatever becomes of the rest.
TEST_F(Paint, EachPictureIsWrittenWhenItIsPainted) {
  Channel terminal = make_terminal();
  const Child child({VLM_PAINT, "--model", data("sdxl/model"), "--size", "64x64", "--steps", "20",
                     "--count", "1000", "--output", (folder() / "out.png").string(), "a red bird"},
                    -1, -1, terminal.inner);
  while (!fs::exists(folder() / "out-2.png"))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  child.signal(SIGINT);
  const std::string said = terminal.read_all();
  EXPECT_EQ(child.wait().status, 1) << said;
  EXPECT_EQ(picture("out-1.png").size(), cv::Size(64, 64));
  EXPECT_FALSE(fs::exists(folder() / "out.png"));
}

TEST_F(Paint, JsonTellsWhatWasPainted) {
  ASSERT_EQ(paint("--json --seed 3 --count 2 'a red bird'"), 0) << err();
  EXPECT_EQ(lines_of(out()).size(), 1u);
  const json said = json::parse(out());
  EXPECT_EQ(said["prompt"], "a red bird");
  EXPECT_EQ(said["width"], 64);
  EXPECT_EQ(said["steps"], 2);
  EXPECT_EQ(said["model"], "model");
  EXPECT_EQ(said["precision"], "float32");
  ASSERT_EQ(said["pictures"].size(), 2u);
  EXPECT_EQ(said["pictures"][1]["seed"], 4);
  EXPECT_EQ(said["pictures"][1]["output"], "out-4.png");
  EXPECT_TRUE(said["pictures"][0]["timings"].contains("denoise"));
}

TEST_F(Paint, LongPromptsAreToldToBeCut) {
  ASSERT_EQ(paint("\"$(yes bird | head -10000)\""), 0) << err();
  EXPECT_NE(err().find("last 9925 tokens were cut off"), std::string::npos) << err();
}

// The default one is always cut.
TEST_F(Paint, OnlyTheUsersOwnNegativePromptIsToldToBeCut) {
  ASSERT_EQ(paint("x"), 0) << err();
  EXPECT_EQ(err(), "");
  ASSERT_EQ(paint("--negative \"$(yes bird | head -100)\" x"), 0) << err();
  EXPECT_NE(err().find("the negative prompt is too long"), std::string::npos) << err();
  EXPECT_NE(err().find("last 25 tokens were cut off"), std::string::npos) << err();
  ASSERT_EQ(paint("--guidance 1 --negative \"$(yes bird | head -100)\" x"), 0) << err();
  EXPECT_EQ(err(), "") << "it has no part in the picture";
}

TEST_F(Paint, MarkupIsOnlyText) { EXPECT_EQ(paint("'<b>a</b> & <|endoftext|> --x'"), 0) << err(); }

TEST_F(Paint, ATerminalShowsHowFarItIs) {
  Channel terminal = make_terminal();
  const Child child({VLM_PAINT, "--model", data("sdxl/model"), "--size", "128x128", "--steps", "30",
                     "--output", (folder() / "out.png").string(), "a red bird"},
                    -1, -1, terminal.inner);
  const std::string said = terminal.read_all();
  EXPECT_EQ(child.wait().status, 0) << said;
  EXPECT_NE(said.find("painting ["), std::string::npos) << said;
  EXPECT_NE(said.find("/30"), std::string::npos) << said;
}

TEST_F(Paint, AnInterruptEndsIt) {
  Channel terminal = make_terminal();
  const Child child({VLM_PAINT, "--model", data("sdxl/model"), "--size", "256x256", "--steps",
                     "1000", "--output", (folder() / "out.png").string(), "a red bird"},
                    -1, -1, terminal.inner);
  std::string said;
  for (char c; said.find("painting [") == std::string::npos && read(terminal.outer, &c, 1) == 1;)
    said += c;
  const auto begin = std::chrono::steady_clock::now();
  child.signal(SIGINT);
  said = terminal.read_all();
  EXPECT_EQ(child.wait().status, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_NE(said.find("cancelled"), std::string::npos) << said;
  EXPECT_FALSE(fs::exists(folder() / "out.png"));
}

} // namespace
} // namespace vlm::test
