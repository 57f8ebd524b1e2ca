// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs vlm-train painter as a user would who goes on from the painter in the tree, and vlm-eval
// painter as one who asks how good it is.
#include "tests/support/scratch_folder.h"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;

const std::string kPainter = VLM_PAINTER;

class TrainPainter : public ScratchFolder {
protected:
  int run(const std::string &arguments, const std::string &before = "") const {
    return shell(before + VLM_TRAIN " painter " + arguments +
                 " --sprites pack --checkpoint-dir states");
  }
  void expect(int got, int want, const std::string &part) const {
    EXPECT_EQ(got, want) << err();
    EXPECT_NE(err().find(part), std::string::npos) << err();
  }

  /// A pack of two styles with one thing each.
  void write_pack() const {
    fs::create_directories(folder() / "pack" / "train");
    std::ofstream(folder() / "pack" / "categories.tsv") << "name\tplural\tkind\tgroup\n"
                                                           "ball\tballs\tcount\ttoy\n"
                                                           "box\tboxes\tcount\ttoy\n";
    std::ofstream index(folder() / "pack" / "train" / "index.tsv");
    index << "path\tcategory\tsource\tkind\tsplit\n";
    for (const std::string name : {"ball", "box"}) {
      cv::Mat sprite(48, 48, CV_8UC4, cv::Scalar(0, 0, 0, 0));
      const cv::Scalar blue(230, 60, 40, 255);
      if (name == "ball")
        cv::circle(sprite, {24, 24}, 20, blue, cv::FILLED);
      else
        cv::rectangle(sprite, {6, 6}, {42, 42}, blue, cv::FILLED);
      cv::imwrite(folder() / "pack" / "train" / (name + ".png"), sprite);
      index << name << ".png\t" << name << "\tof-" << name << "\tcolor\ttrain\n";
    }
  }
};

TEST_F(TrainPainter, WrongUse) {
  expect(run("decoder --pictures 32 --start " + kPainter), 2, "--start: " + kPainter);
  expect(run("export --output made --start " + kPainter), 2, "--start: " + kPainter);
  expect(run("vae"), 2, "--pictures");
  expect(run("vae --pictures 0 --start " + kPainter), 1, "pack/");
  write_pack();
  expect(run("vae --pictures 0 --start nowhere"), 1, "nowhere");
  expect(run("vae --pictures 0 --style none --start " + kPainter), 1, "pack/train/index.tsv");
  expect(run("unet --pictures 32 --start " + kPainter), 1, "states/vae.safetensors");
  expect(run("vae --pictures 0 --start " + kPainter, "flock states "), 2,
         "states: another process is at work in it");
}

TEST_F(TrainPainter, GoesOnFromAPainter) {
  write_pack();
  const std::string start = " --start " + kPainter;
  expect(run("vae --pictures 0" + start), 0, "stage is done");
  const std::string unet = "unet --pictures 32 --batch 16 --scenes 256 --style of-ball";
  expect(run(unet + " --start nowhere"), 1, "nowhere");
  EXPECT_FALSE(fs::exists(folder() / "states" / "latents")) << "it was told after encoding";
  expect(run(unet + start), 0, "stage is done");
  EXPECT_EQ(text_of("states/tokenizer/vocab.json").empty(), false);
  expect(run("export --output made"), 0, "");
  for (const std::string part : {"vae", "unet"}) {
    const std::string file = part + "/diffusion_pytorch_model.safetensors";
    std::ifstream in(kPainter + "/" + file, std::ios::binary);
    const std::string before{std::istreambuf_iterator<char>(in), {}},
        after = text_of("made/" + file);
    ASSERT_EQ(after.size(), before.size());
    EXPECT_EQ(after == before, part == "vae") << part; // taken as it is; learnt a little
  }
}

class EvalPainter : public TrainPainter {
protected:
  int eval(const std::string &arguments) const {
    return shell(VLM_EVAL " painter " + arguments + " --painter " + kPainter + " --sprites pack");
  }
};

TEST_F(EvalPainter, PicturesAreJudgedBesideTheCeilingAndTheFloor) {
  write_pack();
  ASSERT_EQ(eval("--pictures 2 --steps 2 --json scores.json --sheet sheet.png"), 0) << err();
  const auto scores = nlohmann::json::parse(text_of("scores.json"));
  ASSERT_EQ(scores.size(), 4u) << scores;
  for (const char *column : {"painted", "real", "reconstructed", "shuffled"}) {
    EXPECT_NE(out().find(column), std::string::npos) << out();
    const auto &recall = scores.at(column).at("object_recall");
    EXPECT_GE(recall.at("count"), 2) << column;
    EXPECT_GE(recall.at("value"), 0) << column;
    EXPECT_LE(recall.at("value"), 1) << column;
  }
  // Two pictures of 128 x 128 in a row that has room for eight, with three lines below.
  const cv::Mat sheet = cv::imread((folder() / "sheet.png").string());
  EXPECT_EQ(sheet.size(), cv::Size(8 + 8 * (128 + 8), 8 + 128 + 8 + 3 * 13));
  const auto any_color = [&](int column) {
    const cv::Mat picture = sheet(cv::Rect(8 + column * 136, 8, 128, 128));
    return cv::norm(picture, cv::Mat(picture.size(), picture.type(), cv::Scalar::all(255))) > 0;
  };
  EXPECT_TRUE(any_color(0) && any_color(1));
  EXPECT_FALSE(any_color(2));
}

TEST_F(EvalPainter, WrongUse) {
  expect(eval("--pictures 0"), 2, "--pictures is 0");
  expect(shell(VLM_EVAL " painter --painter " + kPainter), 2, "--sprites");
  expect(eval(""), 1, "pack/");
}

} // namespace
} // namespace vlm::test
