// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs vlm-quantize as a user would: wrong use, reports, interrupted, on a disk that is too small.
#include "tests/support/scratch_folder.h"

#include <nlohmann/json.hpp>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kModel = VLM_TEST_DATA "/vicuna/model";
const std::string kPictures = VLM_TEST_DATA "/vicuna/images";

class QuantizeProgram : public ScratchFolder {
protected:
  int run(const std::string &arguments) { return shell(VLM_QUANTIZE " " + arguments); }
  void expect(int status, const std::string &part) {
    EXPECT_NE(err().find(part), std::string::npos) << err();
    EXPECT_EQ(out(), "");
    EXPECT_GT(status, 0);
  }
  // What is in the folder beside what shell() puts there.
  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto &entry : fs::directory_iterator(folder()))
      if (const std::string name = entry.path().filename();
          name != "line" && name != "out" && name != "err")
        names.push_back(name);
    return names;
  }
};

TEST_F(QuantizeProgram, HelpAndWrongUse) {
  EXPECT_EQ(run("--help"), 0);
  EXPECT_NE(out().find("--calibration"), std::string::npos);
  const auto wrong = [&](const std::string &arguments, const std::string &part) {
    EXPECT_EQ(run(arguments), 2) << arguments;
    expect(2, part);
  };
  wrong("", "MODEL and OUTPUT");
  wrong(kModel, "MODEL and OUTPUT");
  wrong("--precision bfloat16 a b", "bfloat16");
  wrong("--threads -1 a b", "-1");
  wrong("--no-such-option a b", "--no-such-option");
  fs::create_directories(folder() / "there");
  wrong(kModel + " there", "there: exists already");
  EXPECT_EQ(left(), std::vector<std::string>{"there"});
}

TEST_F(QuantizeProgram, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(run("nowhere made"), 1);
  expect(1, "nowhere");
  EXPECT_EQ(run("--calibration nowhere " + kModel + " made"), 1);
  expect(1, "nowhere");
  fs::create_directories(folder() / "empty");
  EXPECT_EQ(run("--calibration empty " + kModel + " made"), 1);
  expect(1, "empty: holds no pictures and no texts");
  std::ofstream(folder() / "empty" / "bad.jpg") << "no picture";
  EXPECT_EQ(run("--calibration empty " + kModel + " made"), 1);
  expect(1, "bad.jpg");
  std::ofstream(folder() / "empty" / "bad.txt") << "caf\xe9";
  EXPECT_EQ(run("--calibration empty " + kModel + " made"), 1);
  expect(1, "bad.txt: is not UTF-8 from byte 3 on");
  EXPECT_EQ(left(), std::vector<std::string>{"empty"});
}

// Texts beside pictures, and texts alone, with which pictures are drawn.
TEST_F(QuantizeProgram, CalibratesOnTexts) {
  const auto calibrated = [&](const std::string &option) {
    EXPECT_EQ(run("--json --precision int4" + option + " " + kModel + " made"), 0) << err();
    const json record = json::parse(text_of("made/calibration.json"));
    fs::remove_all(folder() / "made");
    return record;
  };
  const json bundled = calibrated("");
  fs::create_directories(folder() / "mine");
  std::ofstream(folder() / "mine" / "notes.txt") << std::string(6000, 'a');
  const json texts = calibrated(" --calibration mine");
  EXPECT_EQ(texts["texts"], bundled["texts"].get<int>() + 3);
  EXPECT_EQ(texts["pictures"], bundled["pictures"]);
  EXPECT_GT(texts["perplexity_tokens"], bundled["perplexity_tokens"]);
  fs::copy_file(kPictures + "/landscape.png", folder() / "mine" / "a.png");
  const json both = calibrated(" --calibration mine");
  EXPECT_EQ(both["texts"], texts["texts"]);
  EXPECT_EQ(both["pictures"], 1);
}

TEST_F(QuantizeProgram, ItsResultIsAModelThatKnowsItsPrecision) {
  ASSERT_EQ(run("--json --precision int4 --calibration " + kPictures + " " + kModel + " made"), 0)
      << err();
  EXPECT_EQ(err(), "");
  const json report = json::parse(out());
  EXPECT_EQ(report["precision"], "int4");
  EXPECT_GT(report["perplexity"], 1.0);
  EXPECT_GT(report["linears"].size(), 20u);
  const json config = json::parse(text_of("made/config.json"))["quantization_config"];
  EXPECT_EQ(config["precision"], "int4");
  EXPECT_GT(json::parse(text_of("made/calibration.json"))["pictures"], 0);
  EXPECT_EQ(left(), std::vector<std::string>{"made"});

  const std::string ask = std::string(VLM_ASK) + " --json --max-tokens 3 --model made ";
  const std::string question = " 'What is it?' " + kPictures + "/landscape.png";
  ASSERT_EQ(shell(ask + question), 0) << err();
  EXPECT_EQ(json::parse(out())["model"]["precision"], "int4");
  EXPECT_EQ(json::parse(out())["model"]["digest"], report["digest"]);
  EXPECT_EQ(shell(ask + "--precision int8" + question), 2);
  expect(2, "holds int4 weights");
  EXPECT_EQ(run("made again"), 1);
  expect(1, "made: is quantised already");
}

TEST_F(QuantizeProgram, TellsTheErrorOfEachLayer) {
  ASSERT_EQ(run(kModel + " made"), 0) << err();
  EXPECT_NE(out().find("model.layers.1"), std::string::npos) << out();
  EXPECT_NE(out().find("vision_stages.3.blocks.0"), std::string::npos) << out();
  EXPECT_NE(out().find("perplexity of"), std::string::npos) << out();
}

TEST_F(QuantizeProgram, InterruptedItGoesOnFromThere) {
  // Stopped after the first shard is written, whenever that is.
  const std::string command = std::string(VLM_QUANTIZE " ") + kModel + " made";
  const int status =
      shell(command + " & pid=$!\n"
                      "until [ -e made.partial/state.safetensors ]; do sleep .01; done\n"
                      "kill -INT $pid\n"
                      "wait $pid");
  if (status != 0) { // it may have been at its end
    EXPECT_EQ(status, 1);
    EXPECT_NE(err().find("goes on from there"), std::string::npos) << err();
    EXPECT_EQ(left(), std::vector<std::string>{"made.partial"});
    ASSERT_EQ(run(kModel + " made"), 0) << err();
  }
  ASSERT_EQ(run(kModel + " whole"), 0) << err();
  EXPECT_EQ(shell("diff -r made whole"), 0) << out();
  EXPECT_EQ(left().size(), 2u);
}

TEST_F(QuantizeProgram, TwoDoNotMakeOneModel) {
  fs::create_directories(folder() / "made.partial");
  EXPECT_EQ(shell("flock made.partial " VLM_QUANTIZE " " + kModel + " made"), 2);
  expect(2, "made.partial: another process is at work in it");
  ASSERT_EQ(run(kModel + " made"), 0) << err();
}

TEST_F(QuantizeProgram, OnAFullDiskThereIsNothingBeforeTheFirstPart) {
  EXPECT_EQ(shell("ulimit -f 1; " VLM_QUANTIZE " " + kModel + " made"), 1);
  expect(1, "made.partial/");
  EXPECT_EQ(left(), std::vector<std::string>{});
}

TEST_F(QuantizeProgram, KilledItGoesOnFromThere) {
  ASSERT_EQ(run(kModel + " whole"), 0) << err();
  if (shell(VLM_QUANTIZE " " + kModel +
            " made & pid=$!\n"
            "until [ -e made.partial/state.safetensors ]; do sleep .01; done\n"
            "kill -KILL $pid\n"
            "wait $pid") != 0) { // it may have been at its end
    std::ofstream(folder() / "made.partial/model-layer-0001.safetensors.tmp1") << "half";
    ASSERT_EQ(run(kModel + " made"), 0) << err();
  }
  EXPECT_EQ(shell("diff -r made whole"), 0) << out();
}

} // namespace
} // namespace vlm::test
