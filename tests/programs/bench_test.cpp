// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs vlm-bench as a user would, on the embedded model: what it prints and refuses, not how fast.
#include "tests/support/fixture.h"
#include "tests/support/sanitized.h"
#include "tests/support/scratch_folder.h"

#include <filesystem>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Bench : public ScratchFolder {
protected:
  int run(const std::string &arguments) const {
    return shell("OMP_WAIT_POLICY=passive XDG_CACHE_HOME=cache " VLM_BENCH " " + arguments);
  }
  void expect_refusal(const std::string &arguments, int status, const std::string &part) const {
    EXPECT_EQ(run(arguments), status) << err();
    EXPECT_NE(err().find(part), std::string::npos) << err();
    EXPECT_FALSE(fs::exists(folder() / "cache/gst-vlm"));
  }
  /// With threads that spin, or without what builds the peer.
  void expect_no_peer(const std::string &arguments, const std::string &part) const {
    EXPECT_EQ(shell("OMP_WAIT_POLICY=active " VLM_BENCH " " + arguments), 2);
    EXPECT_NE(err().find("OMP_WAIT_POLICY=active"), std::string::npos) << err();
    EXPECT_EQ(shell("PATH=/nowhere GST_VLM_CACHE_DIR=cache OMP_WAIT_POLICY=passive " VLM_BENCH " " +
                    arguments),
              1);
    EXPECT_NE(err().find(part), std::string::npos) << err();
    EXPECT_FALSE(fs::exists(folder() / "cache/peers"));
  }
  /// Seconds stand beside what the machine gave, before and after.
  void expect_machine(const json &figures) const {
    for (const char *what : {"read", "float32", "int8"})
      for (const char *when : {"before", "after", "median", "min", "max"})
        EXPECT_GT(figures.at("machine").at(what).at(when).get<double>(), 1e6) << what << when;
    EXPECT_NE(out().find("machine, "), std::string::npos) << out();
    EXPECT_NE(out().find(" before, "), std::string::npos) << out();
  }
};

TEST_F(Bench, HelpTellsCommands) {
  EXPECT_EQ(run("--help"), 0);
  for (const char *command :
       {"make", "stages", "caption", "rows", "questions", "streams", "drafting", "peers"})
    EXPECT_NE(out().find(command), std::string::npos) << command;
}

TEST_F(Bench, WrongUseNamesTheValue) {
  expect_refusal("", 2, "which command");
  expect_refusal("stage", 2, "stage");
  expect_refusal("stages --rounds 0", 2, "--rounds 0");
  expect_refusal("stages --model MGM-3B", 2, "MGM-3B: neither a directory nor one of MGM-13B");
  expect_refusal("paint --painter nowhere", 1, "nowhere/model_index.json");
  expect_refusal("paint --painter " + data("sdxl/model") + " --size 64x64,64", 2, "\"64\"");
  expect_refusal("stages --model SDXL", 2, "--model SDXL: is a painter");
  expect_refusal("make --output x --shape SDXL --layers 2", 2, "--layers 2: SDXL is made whole");
  expect_refusal("make", 2, "--output");
  expect_refusal("make --output x --shape MGM-2B-HD", 2, "MGM-2B-HD");
  expect_refusal("make --output x --layers 19", 2, "--layers 19: MGM-2B has 18");
  expect_refusal("make --output . --layers 1", 1, "exists already");
  EXPECT_FALSE(fs::exists(folder() / "x"));
}

TEST_F(Bench, StagesOfTheEmbeddedModel) {
  ASSERT_EQ(run("stages --model " VLM_EMBEDDED
                " --rounds 1 --max-tokens 4 --json stages.json --plot stages.png"),
            0)
      << err();
  EXPECT_NE(out().find("prefill"), std::string::npos) << out();
  const json figures = json::parse(text_of("stages.json"));
  expect_machine(figures);
  const json &shares = figures.at("precisions").begin()->at("shares");
  EXPECT_EQ(shares.at("decode").at("of"), "read");
  for (const char *stage : {"vision_tower", "vision_tower_aux", "mining", "prefill", "decode"})
    EXPECT_GT(shares.at(stage).at("median").get<double>(), 0) << stage;
  EXPECT_NE(out().find(" % of reading"), std::string::npos) << out();
  EXPECT_GT(figures.at("tokens_in").get<int>(), 64);
  EXPECT_EQ(text_of("stages.png").substr(1, 3), "PNG");
}

TEST_F(Bench, RowsOfAProduct) {
  ASSERT_EQ(run("rows --rounds 1 --json rows.json --plot rows.png"), 0) << err();
  const json figures = json::parse(text_of("rows.json"));
  expect_machine(figures);
  for (const char *precision : {"int8", "int4"}) {
    const json &of = figures.at("precisions").at(precision);
    EXPECT_EQ(of.at("ratio").at("1").at("median"), 1) << of;
    EXPECT_GT(of.at("rows").at("32").at("median").get<double>(), 1e-5) << of;
    EXPECT_NE(out().find(precision + std::string(", 2048 x 16384")), std::string::npos) << out();
  }
  EXPECT_NE(out().find("goal 1.25"), std::string::npos) << out();
  EXPECT_EQ(text_of("rows.png").substr(1, 3), "PNG");
}

TEST_F(Bench, QualityOfPrecisions) {
  ASSERT_EQ(run("quality --precision float32,bfloat16,int4 --max-tokens 8 --json quality.json "
                "--plot quality.png"),
            0)
      << err();
  const json figures = json::parse(text_of("quality.json"));
  EXPECT_EQ(figures.at("reference"), "float32");
  const json &bf16 = figures.at("precisions").at("bfloat16"), &int4 = figures["precisions"]["int4"];
  for (const json &each : {bf16, int4}) {
    EXPECT_GT(each.at("same_choices").get<double>(), .8) << each;
    EXPECT_LT(each.at("same_choices").get<double>(), 1.01) << each;
    EXPECT_GT(each.at("divergence").get<double>(), 0) << each;
  }
  EXPECT_LT(bf16["divergence"].get<double>(), int4["divergence"].get<double>());
  EXPECT_EQ(text_of("quality.png").substr(1, 3), "PNG");
  expect_refusal("quality --precision int8", 2, "--precision int8: at least two");
  expect_refusal("quality --pictures nowhere", 1, "--pictures: nowhere");
}

TEST_F(Bench, QualityOfText) {
  std::ofstream(folder() / "text") << "The dog sees a red ball. A ball is round.\n";
  ASSERT_EQ(run("quality --model " + data("llama3/model") +
                " --precision float32,int4 --text text --json quality.json --plot quality.png"),
            0)
      << err();
  const json figures = json::parse(text_of("quality.json"));
  const json &int4 = figures.at("precisions").at("int4");
  EXPECT_EQ(figures.at("passages"), 1);
  EXPECT_GT(figures.at("positions").get<int>(), 10);
  EXPECT_GT(figures.at("perplexity").get<double>(), 1);
  EXPECT_GT(int4.at("perplexity").get<double>(), 1);
  EXPECT_NE(int4["perplexity"], figures["perplexity"]);
  EXPECT_FALSE(int4.contains("same_answers"));
  EXPECT_EQ(text_of("quality.png").substr(1, 3), "PNG");
  expect_refusal("quality --text nowhere", 1, "nowhere");
  std::ofstream(folder() / "empty");
  expect_refusal("quality --text empty", 1, "empty is empty");
}

TEST_F(Bench, PeersThatCannotBe) {
  expect_refusal("peers --model " VLM_EMBEDDED " --precision int8,float32", 2,
                 "--precision float32: one of bfloat16, int8, int4");
  expect_refusal("peers --tokens-in 0", 2, "--tokens-in 0");
  expect_refusal("peers --model " + data("mixtral/model"), 2, "mixtral has no counterpart");
  expect_no_peer("peers --model " VLM_EMBEDDED, "missing: python3, tar, cmake");
}

// With programs in llama.cpp's place that do as it does.
TEST_F(Bench, Peers) {
  ASSERT_EQ(shell("bin=cache/peers/llama_cpp_python-0.3.36/build/bin; mkdir -p $bin\n"
                  "echo 'cp $1 $2' | cat <(echo '#!/bin/sh') - >$bin/llama-quantize\n"
                  "echo 'echo \"$@\" >>asked; cat answer' | cat <(echo '#!/bin/sh') - "
                  ">$bin/llama-bench\n"
                  "chmod +x $bin/*\n"
                  "echo '[{\"n_prompt\": 64, \"n_gen\": 0, \"avg_ts\": 80.0}, "
                  "{\"n_prompt\": 0, \"n_gen\": 8, \"avg_ts\": 20.0}]' >answer\n"
                  "GST_VLM_CACHE_DIR=cache OMP_WAIT_POLICY=passive " VLM_BENCH
                  " peers --model " VLM_EMBEDDED " --precision int4,int8 --rounds 2 --threads 1 "
                  "--tokens-in 64 --tokens-out 8 --json peers.json --plot peers.png"),
            0)
      << err();
  EXPECT_NE(out().find("goal 4.0"), std::string::npos) << out();
  const json int4 = json::parse(text_of("peers.json")).at("pairs").at("int4");
  EXPECT_EQ(int4.at("type"), "Q4_0");
  EXPECT_EQ(int4.at("decode").at("peer").at("median"), 20);
  EXPECT_EQ(int4["decode"].at("goal"), 1.5);
  const json &prefill = int4.at("prefill");
  EXPECT_GT(prefill.at("vlm").at("min").get<double>(), 0);
  EXPECT_GE(prefill["vlm"].at("max").get<double>(),
            80 * prefill.at("ratio").at("max").get<double>() * .999);
  const std::vector<std::string> asked = lines_of(text_of("asked"));
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_NE(asked[0].find("Q4_0.gguf --n-prompt 64 --n-gen 8 --threads 1"), std::string::npos);
  EXPECT_NE(asked[2].find("Q8_0.gguf"), std::string::npos) << asked[2];
  EXPECT_EQ(text_of("peers.png").substr(1, 3), "PNG");
  expect_machine(json::parse(text_of("peers.json")));
  EXPECT_GT(int4.at("shares").at("prefill").at("median").get<double>(), 0);
  // The source of both is not kept.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder() / "cache/peers/weights"), {}), 2);
}

// The load that video is measured under is one: every answer is about a picture of its own.
TEST_F(Bench, VideoOfAMovingPicture) {
  ASSERT_EQ(run("video --model " VLM_EMBEDDED " --seconds 0.5 --rounds 1 --json video.json"), 0)
      << err();
  const json figures = json::parse(text_of("video.json"));
  EXPECT_TRUE(figures.at("on_time_ratio").is_number());
  expect_machine(figures);
  const json &seen = figures.at("rounds").at(0).at("vlmcaption");
  EXPECT_GT(seen.at("answers").get<int>(), 0);
  EXPECT_EQ(seen.at("encodes_saved").get<int>(), 0);
}

TEST_F(Bench, SeveralAtATime) {
  const std::string small = " --model " VLM_EMBEDDED " --max-tokens 4 --json figures.json "
                            "--plot figures.png";
  for (const std::string command :
       {"questions --questions 2 --rounds 1", "streams --streams 2 --captions 1",
        "drafting --captions 3 --rounds 1", "caption --precision int8,int4 --rounds 1 --idle 1"}) {
    ASSERT_EQ(run(command + small), 0) << err();
    expect_machine(json::parse(text_of("figures.json")));
    EXPECT_EQ(text_of("figures.png").substr(1, 3), "PNG") << command;
    fs::remove(folder() / "figures.png");
  }
}

// What is foretold in a scene that stays as it is.
TEST_F(Bench, AStillScene) {
  ASSERT_EQ(run("drafting --still --precision int8 --captions 3 --rounds 1 --json still.json"), 0)
      << err();
  const json figures = json::parse(text_of("still.json"));
  EXPECT_EQ(figures.at("different"), 0);
  EXPECT_GT(figures.at("reuse").at("tokens_foretold").get<double>(), .3) << figures;
}

TEST_F(Bench, PartsOfAPicture) {
  ASSERT_EQ(run("paint --painter " + data("sdxl/model") +
                " --size 64x64 --steps 2 --rounds 1 --json paint.json"),
            0)
      << err();
  const json figures = json::parse(text_of("paint.json"));
  EXPECT_EQ(figures.at("steps"), 2);
  EXPECT_EQ(figures.at("width"), 64);
  EXPECT_GT(figures.at("step").at("median").get<double>(), 0);
  EXPECT_GT(figures.at("unet_rate").get<double>(), 0);
  EXPECT_GT(figures.at("unet_share").get<double>(), 0);
  EXPECT_NE(out().find("GFLOP/s, "), std::string::npos) << out();
  expect_machine(figures);
}

TEST_F(Bench, PainterThatCannotHaveAPeer) {
  expect_no_peer("paint --peer --painter " + data("sdxl/model"), "building stable-diffusion.cpp");
}

// With a program in stable-diffusion.cpp's place that logs as it does.
TEST_F(Bench, PainterBesideItsPeer) {
  ASSERT_EQ(shell("bin=cache/peers/stable_diffusion_cpp_python-0.4.7/build/bin; mkdir -p $bin\n"
                  "echo 'echo \"$@\" >>asked; for i in get_learned_condition:10 sampling:80 "
                  "decode_first_stage:30; do echo ${i%:*} completed, taking ${i#*:}.00s; done' | "
                  "cat <(echo '#!/bin/bash') - >$bin/sd-cli\n"
                  "chmod +x $bin/sd-cli\n"
                  "GST_VLM_CACHE_DIR=cache OMP_WAIT_POLICY=passive " VLM_BENCH
                  " paint --peer --painter " +
                  data("sdxl/model") +
                  " --size 64x128 --steps 4 --guidance 0.5 --precision float32 --threads 1 "
                  "--rounds 2 --json paint.json --plot paint.png"),
            0)
      << err();
  EXPECT_NE(out().find("goal 1.5"), std::string::npos) << out();
  const json figures = json::parse(text_of("paint.json"));
  EXPECT_NE(figures.at("peer").get<std::string>().find("0.4.7"), std::string::npos);
  const json &theirs = figures.at("theirs");
  EXPECT_EQ(theirs.at("step").at("median"), 20);
  EXPECT_EQ(theirs.at("picture").at("max"), 120);
  EXPECT_NEAR(theirs.at("unet_rate").get<double>() * 20, figures.at("step_operations"), 1);
  EXPECT_NEAR(figures.at("ratio").at("picture").at("max").get<double>() *
                  figures.at("picture").at("min").get<double>(),
              120, .1);
  const std::vector<std::string> asked = lines_of(text_of("asked"));
  ASSERT_EQ(asked.size(), 2u);
  for (const char *part : {"--type f32", "--threads 1 ", "--width 64 --height 128", "--steps 4 ",
                           "--cfg-scale 1.0", "sdxl/model/text_encoder_2/model.safetensors"})
    EXPECT_NE(asked[0].find(part), std::string::npos) << part << " in " << asked[0];
  EXPECT_EQ(text_of("paint.png").substr(1, 3), "PNG");
}

// The decoder's attention looks from every latent to every other: all its scores together would
// take more than the whole picture may.
TEST_F(Bench, MemoryGrowsWithThePixelsOfAPicture) {
  if (kSanitized)
    GTEST_SKIP() << "sanitizers hold memory of their own";
  ASSERT_EQ(run("paint --painter " + data("sdxl/model") +
                " --size 544x544,1088x1088 --steps 1 --guidance 1 --rounds 1 --json p.json"),
            0)
      << err();
  const json sizes = json::parse(text_of("p.json")).at("sizes");
  ASSERT_EQ(sizes.size(), 2u);
  const double small = sizes[0].at("peak_bytes"), large = sizes[1].at("peak_bytes");
  constexpr double kLatents = 1088 / 8 * 1088 / 8;
  std::printf("peaks: %.3g %.3g\n", small, large);
  EXPECT_GT(large, small);
  EXPECT_LT(large - small, kLatents * kLatents * sizeof(float));
  EXPECT_NE(out().find("1088 x 1088: peak memory "), std::string::npos) << out();
}

// What a picture is refused by, when less is left.
TEST_F(Bench, APictureTakesNoMoreMemoryThanWasReckoned) {
  if (kSanitized)
    GTEST_SKIP() << "sanitizers hold memory of their own";
  ASSERT_EQ(run("paint --size 768x768,1280x1280 --steps 1 --rounds 1 --json p.json"), 0) << err();
  const json all = json::parse(text_of("p.json"));
  for (const json &size : all.at("sizes")) {
    const double taken = size.at("peak_bytes").get<double>() - all.at("loaded_bytes").get<double>();
    const double needed = size.at("needed_bytes");
    std::printf("%d: %.3g bytes of %.3g\n", size.at("width").get<int>(), taken, needed);
    EXPECT_LT(taken, needed);
    EXPECT_GT(taken, needed / 3) << "more than is likely is refused";
  }
}

} // namespace
} // namespace vlm::test
