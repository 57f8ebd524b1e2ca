// SPDX-License-Identifier: LGPL-2.1-or-later
// vlm-ask beside a user: on a terminal, interrupted, and what memory it takes.
#include "tests/programs/child.h"
#include "tests/support/fixture.h"
#include "tests/support/sanitized.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Words = std::vector<std::string>;

Words ask_with(const std::string &model, const Words &more) {
  Words all = {VLM_ASK, "--model", model, "--max-tokens", "12"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Words ask(const Words &more) { return ask_with(data("vicuna/model"), more); }

const Words kQuestion = {"What is it?", data("vicuna/images/landscape.png")};

std::string without_returns(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

class Scratch : public ::testing::Test {
protected:
  void SetUp() override {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }
  const fs::path directory_ = fs::path(::testing::TempDir()) / "vlm-ask-terminal";
};

TEST(AskTerminal, ShowsTheAnswerThatAPipeGets) {
  Channel pipe = make_pipe(), terminal = make_terminal();
  const Child plain(ask(kQuestion), -1, pipe.inner, -1);
  const std::string answer = pipe.read_all();
  EXPECT_EQ(plain.wait().status, 0);
  const Child streaming(ask(kQuestion), -1, terminal.inner, -1);
  EXPECT_EQ(without_returns(terminal.read_all()), answer);
  EXPECT_EQ(streaming.wait().status, 0);
}

TEST(AskTerminal, LoadingShowsABarThatGoesAway) {
  Channel terminal = make_terminal();
  const Child child(ask(kQuestion), -1, -1, terminal.inner);
  const std::string said = terminal.read_all();
  EXPECT_EQ(child.wait().status, 0);
  EXPECT_NE(said.find("loading ["), std::string::npos) << said;
  EXPECT_EQ(said.substr(said.size() - 4), "\r\x1b[K") << said;
}

TEST_F(Scratch, ABatchShowsABarUnlessItsAnswersAreOnTheTerminal) {
  const fs::path batch = directory_ / "batch.jsonl";
  std::ofstream(batch) << "{\"question\":\"One?\"}\n\n{\"question\":\"Two?\"}\n";
  Channel terminal = make_terminal(), both = make_terminal();
  const Child child(ask({"--batch", batch}), -1, -1, terminal.inner);
  const std::string said = terminal.read_all();
  EXPECT_EQ(child.wait().status, 0);
  EXPECT_NE(said.find("1/2"), std::string::npos) << said;
  const Child quiet(ask({"--batch", batch}), -1, both.inner, both.inner);
  EXPECT_EQ(both.read_all().find("answering ["), std::string::npos);
  EXPECT_EQ(quiet.wait().status, 0);
}

TEST(AskInterrupted, EndsABatchThatWaitsForItsNextLine) {
  Channel in = make_pipe(), out = make_pipe(), err = make_pipe();
  const Child child(ask({"--batch", "-"}), in.outer, out.inner, err.inner);
  const std::string line = "{\"id\":1,\"question\":\"One?\"}\n";
  ASSERT_EQ(write(in.inner, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  EXPECT_EQ(json::parse(out.read_line())["id"], 1);
  const auto begin = std::chrono::steady_clock::now();
  usleep(200000); // until it waits; a signal before that would be seen only behind the next line
  child.signal(SIGINT);
  EXPECT_EQ(child.wait().status, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_NE(err.read_all().find("cancelled"), std::string::npos);
}

/// Writes a text-only checkpoint whose weights are all zero: a file with a hole instead of them.
/// The number of bytes they take.
uint64_t write_large_model(const fs::path &directory) {
  constexpr int64_t kHidden = 2048, kInner = 8192, kLayers = 5;
  json config = read_json("vicuna/model/config.json");
  for (const char *key : {"mm_vision_tower", "mm_vision_tower_aux", "image_size_aux"})
    config.erase(key);
  config["hidden_size"] = kHidden;
  config["intermediate_size"] = kInner;
  config["num_hidden_layers"] = kLayers;
  config["num_attention_heads"] = config["num_key_value_heads"] = kHidden / 128;
  config["torch_dtype"] = "bfloat16";
  std::ofstream(directory / "config.json") << config;
  for (const char *file : {"tokenizer.model", "tokenizer_config.json"})
    fs::copy_file(data(std::string("vicuna/model/") + file), directory / file);

  json header;
  uint64_t end = 0;
  const auto add = [&](const std::string &name, std::vector<int64_t> shape) {
    uint64_t bytes = 2;
    for (const int64_t size : shape)
      bytes *= static_cast<uint64_t>(size);
    header[name] = {{"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  };
  const int64_t vocabulary = config["vocab_size"];
  add("model.embed_tokens.weight", {vocabulary, kHidden});
  add("lm_head.weight", {vocabulary, kHidden});
  add("model.norm.weight", {kHidden});
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    for (const char *norm : {"input_layernorm", "post_attention_layernorm"})
      add(layer + norm + ".weight", {kHidden});
    for (const char *part : {"q_proj", "k_proj", "v_proj", "o_proj"})
      add(layer + "self_attn." + part + ".weight", {kHidden, kHidden});
    add(layer + "mlp.gate_proj.weight", {kInner, kHidden});
    add(layer + "mlp.up_proj.weight", {kInner, kHidden});
    add(layer + "mlp.down_proj.weight", {kHidden, kInner});
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  std::ofstream file(directory / "model.safetensors", std::ios::binary);
  file.write(reinterpret_cast<const char *>(&length), sizeof length) << text;
  file.close();
  fs::resize_file(directory / "model.safetensors", sizeof length + length + end);
  return end;
}

TEST_F(Scratch, LoadingTakesNoMoreThanTheWeightsAnd500Megabytes) {
  if (test::kSanitized)
    GTEST_SKIP() << "sanitizers take memory of their own";
  const uint64_t weights = write_large_model(directory_);
  Channel err = make_pipe();
  const Child child(ask_with(directory_, {"--precision", "bfloat16", "--max-tokens", "1", "x"}), -1,
                    -1, err.inner);
  const std::string said = err.read_all();
  const Ended ended = child.wait();
  ASSERT_EQ(ended.status, 0) << said;
  const double peak = static_cast<double>(ended.peak_kib) * 1024 / 1e6;
  const double resident = static_cast<double>(weights) / 1e6;
  std::printf("[   memory ] weights %.0f MB, peak %.0f MB\n", resident, peak);
  EXPECT_GT(peak, resident); // they were read at all
  EXPECT_LE(peak, resident + 500);
}

} // namespace
} // namespace vlm::test
