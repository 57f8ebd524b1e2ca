// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs vlm-ask as a user would: exit statuses, messages, JSON, batches.
#include "tests/support/fixture.h"

#include <ATen/Context.h>
#include <opencv2/imgcodecs.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Finished {
  int status;
  std::string out, err;
};

class Ask : public ::testing::Test {
protected:
  void SetUp() override {
    directory_ = fs::path(::testing::TempDir()) / "vlm-ask";
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  Finished run(const std::string &arguments, const std::string &input = "/dev/null") {
    const std::string command = std::string(VLM_ASK) + " " + arguments + " >" + file("out") +
                                " 2>" + file("err") + " <" + input;
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(file("out")),
            read_file(file("err"))};
  }
  Finished ask(const std::string &arguments, const std::string &input = "/dev/null") {
    return run(model_ + " --max-tokens 3 " + arguments, input);
  }

  void expect(const Finished &run, int status, const std::string &part) {
    EXPECT_EQ(run.status, status) << run.err;
    EXPECT_NE(run.err.find(part), std::string::npos) << run.err;
    EXPECT_EQ(run.out, "");
  }
  std::string file(const std::string &name) const { return (directory_ / name).string(); }
  void write(const std::string &name, const std::string &text) {
    std::ofstream(directory_ / name, std::ios::binary) << text;
  }

  fs::path directory_;
  const std::string model_ = "--model " + test::data("vicuna/model") + " --precision float32";
  const std::string picture_ = test::data("vicuna/images/landscape.png");
};

TEST_F(Ask, HelpAndWrongUse) {
  const Finished help = run("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("--temperature"), std::string::npos);
  expect(run(""), 2, "QUESTION");
  expect(run("--no-such-option x"), 2, "--no-such-option");
  expect(run("--seed many x"), 2, "\"many\"");
  expect(run("--seed -1 x"), 2, "\"-1\"");
  expect(run("--threads 99999999999 x"), 2, "\"99999999999\"");
  expect(ask("--threads 1025 x"), 2, "1025");
  expect(ask("--threads -1 x"), 2, "-1");
  expect(ask("--turn nothing x"), 2, "nothing");
  expect(ask("--precision float9 x"), 2, "float9");
  expect(ask("--precision int7 x"), 2, "int7");
  expect(ask("--precision int8 --device cuda x"), 1, "int8");
  expect(ask("--device cuda:x x"), 2, "cuda:x");
  expect(ask("--template nobody x"), 2, "nobody");
  expect(ask("--temperature -1 x"), 2, "temperature");
}

TEST_F(Ask, NoOtherDeviceIsTakenInstead) {
  if (at::hasCUDA())
    GTEST_SKIP() << "this libtorch has CUDA";
  expect(ask("--device cuda x"), 1, "device cuda");
  expect(ask("--device cuda:1 x"), 1, "device cuda:1");
}

TEST_F(Ask, OcrIsCheckedBeforeTheModelLoads) {
#if VLM_HAVE_TESSERACT
  expect(run("--model /no/such/model --ocr x"), 2, "IMAGE");
  // A folder without such data; one that is not there is ignored by Tesseract 5.5.
  setenv("TESSDATA_PREFIX", test::data("gemma").c_str(), 1);
  expect(run("--model /no/such/model --ocr x " + picture_), 1, "language data");
  unsetenv("TESSDATA_PREFIX");
#else
  expect(run("--model /no/such/model --ocr x"), 1, "no Tesseract");
#endif
}

TEST_F(Ask, VerboseTellsWhatIsNotUsed) {
  // A tied head that the checkpoint stores nevertheless.
  const Finished said = run("--verbose --max-tokens 1 --model " + test::data("gemma/model") + " x");
  EXPECT_EQ(said.status, 0);
  EXPECT_NE(said.err.find("lm_head.weight is not used"), std::string::npos) << said.err;
}

TEST_F(Ask, AnyNumberOfThreadsAndAnySeedAnswers) {
  EXPECT_EQ(ask("--threads 1 x").status, 0);
  EXPECT_EQ(ask("--threads 3 --seed 18446744073709551615 --temperature 1 x").status, 0);
}

TEST_F(Ask, UnusablePicturesAreNamed) {
  expect(ask("x /no/such.png"), 1, "/no/such.png");
  write("broken.png", "\x89PNG\r\n\x1a\nnonsense");
  expect(ask("x " + file("broken.png")), 1, "broken.png");
  write("text.jpg", "not a picture");
  expect(ask("x " + file("text.jpg")), 1, "text.jpg");
}

TEST_F(Ask, PicturesOfOddShapesAreAnswered) {
  for (const auto &[width, height] : {std::pair{1, 1}, {1, 4000}, {5, 3}}) {
    cv::imwrite(file("odd.png"), cv::Mat(height, width, CV_8UC3, cv::Scalar(9, 90, 200)));
    EXPECT_EQ(ask("x " + file("odd.png")).status, 0) << width << "x" << height;
  }
}

TEST_F(Ask, HugePictureIsRefusedBySize) {
  cv::imwrite(file("huge.png"), cv::Mat(20000, 20000, CV_8UC1, cv::Scalar(1)),
              {cv::IMWRITE_PNG_COMPRESSION, 1});
  expect(ask("x " + file("huge.png")), 1, "20000");
}

TEST_F(Ask, QuestionsThatCannotBeAsked) {
  expect(ask("''"), 1, "empty");
  expect(ask("'ab\xff'"), 1, "UTF-8");
  expect(ask("'<image> and <image>' " + picture_), 1, "<image>");
}

TEST_F(Ask, LongQuestionIsToldToBeCut) {
  std::string question(30000, 'x');
  const Finished cut = ask(question + " " + picture_);
  EXPECT_EQ(cut.status, 0);
  EXPECT_NE(cut.err.find("cut off"), std::string::npos) << cut.err;
  EXPECT_GT(json::parse(ask("--json " + question + " " + picture_).out)["truncated_positions"], 0);
}

TEST_F(Ask, JsonHasTheContractsFields) {
  const json answer = json::parse(ask("--json 'What is it?' " + picture_).out);
  for (const char *key : {"text", "prompt", "input_ids", "output_ids", "stop_reason",
                          "token_logprobs", "generation_prompt", "model", "timings"})
    EXPECT_TRUE(answer.contains(key)) << key;
  EXPECT_EQ(answer["output_ids"].size(), 3u);
  EXPECT_EQ(answer["output_ids"].size(), answer["token_logprobs"].size());
}

TEST_F(Ask, SystemGenerateAndSampling) {
  const json answer = json::parse(ask("--json --generate --system Short. --temperature 1 --top-k 5 "
                                      "--top-p 0.9 --seed 4 'Draw.'")
                                      .out);
  EXPECT_NE(answer["prompt"].get<std::string>().find("Draw. <GEN>"), std::string::npos);
  EXPECT_EQ(answer["prompt"].get<std::string>().rfind("Short.", 0), 0u);
  const json again = json::parse(ask("--json --generate --system Short. --temperature 1 --top-k 5 "
                                     "--top-p 0.9 --seed 4 'Draw.'")
                                     .out);
  EXPECT_EQ(answer["output_ids"], again["output_ids"]);
}

TEST_F(Ask, BatchAnswersInOrderAndOutlivesABadLine) {
  write("batch.jsonl",
        json{{"id", 1}, {"question", "One?"}, {"images", {picture_}}}.dump() + "\n" +
            json{{"id", "two"}, {"question", "Two?"}, {"images", {"/no/such.png"}}}.dump() +
            "\nnot json\n" + json{{"id", 4}, {"question", "Four?"}}.dump() + "\n");
  const Finished batch = ask("--batch " + file("batch.jsonl"));
  EXPECT_EQ(batch.status, 1); // some lines failed
  std::istringstream lines(batch.out);
  std::vector<json> answers;
  for (std::string line; std::getline(lines, line);)
    answers.push_back(json::parse(line));
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0]["id"], 1);
  EXPECT_TRUE(answers[0].contains("text"));
  EXPECT_NE(answers[1]["error"].get<std::string>().find("/no/such.png"), std::string::npos);
  EXPECT_TRUE(answers[2].contains("error"));
  EXPECT_EQ(answers[3]["output_ids"], json::parse(ask("--json Four?").out)["output_ids"]);
  expect(ask("--batch /no/such.jsonl"), 1, "/no/such.jsonl");
}

TEST_F(Ask, BatchesLookOnceAtOnePicture) {
  const std::string line = json{{"question", "One?"}, {"images", {picture_}}}.dump() + "\n";
  write("batch.jsonl", line + line);
  const auto looks_saved = [&](const std::string &options) {
    std::istringstream lines(ask(options + "--batch " + file("batch.jsonl")).out);
    std::string first, second;
    std::getline(lines, first);
    std::getline(lines, second);
    EXPECT_EQ(json::parse(first)["output_ids"], json::parse(second)["output_ids"]);
    return json::parse(second)["reused"]["pictures"].get<int>();
  };
  EXPECT_EQ(looks_saved(""), 1);
  EXPECT_EQ(looks_saved("--reuse draft+prefix "), 0);
  expect(ask("--reuse drafts One?"), 2, "\"drafts\" is not draft, prefix, vision or batch");
}

TEST_F(Ask, BatchFromStandardInputOutlivesLinesOfAnyKind) {
  write("batch.jsonl", "5\n[]\n{\"question\":7}\n{\"images\":\"x\",\"question\":\"q\"}\n"
                       "{\"question\":\"Last?\"}");
  const Finished batch = ask("--batch -", file("batch.jsonl"));
  EXPECT_EQ(batch.status, 1);
  std::istringstream lines(batch.out);
  int errors = 0;
  json answer;
  for (std::string line; std::getline(lines, line);) {
    answer = json::parse(line);
    errors += answer.contains("error");
  }
  EXPECT_EQ(errors, 4);
  EXPECT_TRUE(answer.contains("text")) << answer;
}

TEST_F(Ask, DumpThatCannotBeWrittenIsNamed) {
  expect(ask("--dump /no/such/dump.safetensors x"), 1, "/no/such/dump.safetensors");
}

} // namespace
} // namespace vlm
