// SPDX-License-Identifier: LGPL-2.1-or-later
// What vlm-bench measures beside another program with: the files it writes for it, what it reads of
// its answers, and how it runs it.
#include "model/core/error.h"
#include "pipelines/programs/child_program.h"
#include "pipelines/programs/gguf_file.h"
#include "pipelines/programs/llama_cpp.h"
#include "pipelines/programs/stable_diffusion_cpp.h"
#include "tests/support/scratch_folder.h"

#include <cstring>

namespace vlm::test {
namespace {

/// The complaint of `action` with its category; empty when there was none.
template <typename Action> std::pair<ErrorCategory, std::string> complaint(Action action) {
  try {
    action();
  } catch (const Error &error) {
    return {error.category(), error.what()};
  }
  return {ErrorCategory::Settings, ""};
}

/// Values of a GGUF file one after the other.
class Reader {
public:
  explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}
  template <typename Number> Number number() {
    Number number{};
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
    return number;
  }
  std::string text() { return take(number<uint64_t>()); }
  std::string take(size_t count) {
    position_ += count;
    return bytes_.substr(position_ - count, count);
  }
  size_t position() const { return position_; }

private:
  std::string bytes_;
  size_t position_ = 0;
};

using Gguf = ScratchFolder;

TEST_F(Gguf, IsWrittenAsTheFormatSays) {
  GgufFile file;
  file.text("general.architecture", "gemma");
  file.integer("gemma.block_count", 18);
  file.real("gemma.eps", .5);
  file.tensor("norm.weight", {5});
  file.tensor("head.weight", {7, 3});
  file.write(folder() / "x.gguf");
  const std::string bytes = text_of("x.gguf");
  EXPECT_EQ(static_cast<int64_t>(bytes.size()), file.bytes());

  Reader in(bytes);
  EXPECT_EQ(in.take(4), "GGUF");
  EXPECT_EQ(in.number<uint32_t>(), 3u);
  EXPECT_EQ(in.number<uint64_t>(), 2u); // tensors
  EXPECT_EQ(in.number<uint64_t>(), 3u); // keys
  EXPECT_EQ(in.text(), "general.architecture");
  EXPECT_EQ(in.number<uint32_t>(), 8u); // a string
  EXPECT_EQ(in.text(), "gemma");
  EXPECT_EQ(in.text(), "gemma.block_count");
  EXPECT_EQ(in.number<uint32_t>(), 4u); // uint32
  EXPECT_EQ(in.number<uint32_t>(), 18u);
  EXPECT_EQ(in.text(), "gemma.eps");
  EXPECT_EQ(in.number<uint32_t>(), 6u); // float32
  EXPECT_EQ(in.number<float>(), .5f);
  EXPECT_EQ(in.text(), "norm.weight");
  EXPECT_EQ(in.number<uint32_t>(), 1u); // dimension
  EXPECT_EQ(in.number<uint64_t>(), 5u);
  EXPECT_EQ(in.number<uint32_t>(), 0u); // F32
  EXPECT_EQ(in.number<uint64_t>(), 0u); // where it begins
  EXPECT_EQ(in.text(), "head.weight");
  EXPECT_EQ(in.number<uint32_t>(), 2u);
  EXPECT_EQ(in.number<uint64_t>(), 3u); // columns first
  EXPECT_EQ(in.number<uint64_t>(), 7u);
  EXPECT_EQ(in.number<uint32_t>(), 30u); // BF16
  EXPECT_EQ(in.number<uint64_t>(), 32u);
  const size_t data = (in.position() + 31) / 32 * 32;
  EXPECT_EQ(bytes.size(), data + 32 + 64);
  float norm = 0;
  std::memcpy(&norm, bytes.data() + data, sizeof norm);
  EXPECT_NEAR(norm, .5, .5);
  EXPECT_NE(bytes.substr(data + 32, 42), std::string(42, '\0'));
}

TEST_F(Gguf, IsNotLeftBehindHalf) {
  GgufFile file;
  file.tensor("norm.weight", {5});
  EXPECT_EQ(complaint([&] { file.write(folder() / "nowhere/x.gguf"); }).first,
            ErrorCategory::Failed);
  EXPECT_TRUE(std::filesystem::is_empty(folder()));
}

TEST(LlamaBench, SpeedsAreRead) {
  const LlamaSpeed speed = read_llama_bench(
      R"([{"n_prompt": 640, "n_gen": 0, "avg_ts": 114.5, "samples_ts": [114.5]},
          {"n_prompt": 0, "n_gen": 32, "avg_ts": 8.25, "samples_ts": [8.25]}])");
  EXPECT_EQ(speed.prefill, 114.5);
  EXPECT_EQ(speed.decode, 8.25);
}

TEST(LlamaBench, AnythingElseIsTold) {
  for (const char *printed :
       {"", "| model | size |", "{}", "[]", R"([{"n_prompt": 640, "n_gen": 0, "avg_ts": 114.5}])",
        R"([{"n_prompt": "640"}])", "[7]"}) {
    const auto [category, text] = complaint([&] { read_llama_bench(printed); });
    EXPECT_EQ(category, ErrorCategory::Format) << printed;
    EXPECT_NE(text.find("llama-bench"), std::string::npos) << text;
  }
}

TEST(SdCli, SecondsAreRead) {
  const SdSeconds seconds = read_sd_cli(
      "[INFO ] model.cpp:993  - loading tensors completed, taking 9.87s (process: 0.01s)\n"
      "[INFO ] stable-diffusion.cpp:3168 - get_learned_condition completed, taking 1.25s\n"
      "\r  |=====>    | 1/2 - 7.10s/it\r  |==========| 2/2 - 7.05s/it\n"
      "[INFO ] stable-diffusion.cpp:3432 - sampling completed, taking 14.50s\n"
      "[INFO ] stable-diffusion.cpp:3208 - latent 1 decoded, taking 3.70s\n"
      "[INFO ] stable-diffusion.cpp:3212 - decode_first_stage completed, taking 3.75s\n");
  EXPECT_EQ(seconds.encode, 1.25);
  EXPECT_EQ(seconds.denoise, 14.5);
  EXPECT_EQ(seconds.decode, 3.75);
}

TEST(SdCli, AnythingElseIsTold) {
  const std::string encoded = "get_learned_condition completed, taking 1.25s\n";
  const std::string sampled = encoded + "sampling completed, taking ";
  for (const auto &[printed, missing] : {std::pair(std::string(), "get_learned_condition"),
                                         {encoded, "sampling"},
                                         {sampled, "sampling"},
                                         {sampled + "0.00s", "sampling"},
                                         {sampled + "long", "sampling"},
                                         {sampled + "2.00s", "decode_first_stage"}}) {
    const auto [category, text] = complaint([&] { read_sd_cli(printed); });
    EXPECT_EQ(category, ErrorCategory::Format) << printed;
    EXPECT_EQ(text, std::string("sd-cli told nothing of ") + missing);
  }
}

TEST(ChildProgram, GivesWhatItPrinted) {
  setenv("OMP_WAIT_POLICY", "passive", 1);
  setenv("GOMP_SPINCOUNT", "1000", 1);
  EXPECT_EQ(output_of({"sh", "-c", "echo $1-$OMP_WAIT_POLICY$GOMP_SPINCOUNT; echo no >&2", "sh",
                       "one two"}),
            "one two-\n");
}

TEST(ChildProgram, TellsWhyItFailed) {
  const auto [category, text] = complaint([] {
    output_of({"sh", "-c", "seq 2000 >&2; echo the reason >&2; exit 7"});
  });
  EXPECT_EQ(category, ErrorCategory::Failed);
  EXPECT_NE(text.find("sh: "), std::string::npos) << text;
  EXPECT_NE(text.find("7"), std::string::npos) << text;
  EXPECT_EQ(text.substr(text.size() - 11), "\nthe reason");
  EXPECT_LT(text.size(), 2200u);
  EXPECT_NE(complaint([] { output_of({"/nowhere/x"}); }).second.find("/nowhere/x"),
            std::string::npos);
}

TEST(ChildProgram, AllThatAreMissingAreNamed) {
  check_programs({"sh"}, "this");
  const auto [category, text] = complaint([] {
    check_programs({"no-such-a", "sh", "no-such-b"}, "this");
  });
  EXPECT_EQ(category, ErrorCategory::Unavailable);
  EXPECT_EQ(text, "this takes programs that are missing: no-such-a, no-such-b");
}

} // namespace
} // namespace vlm::test
