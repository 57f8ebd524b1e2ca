// SPDX-License-Identifier: LGPL-2.1-or-later
// CLIP's rules on a vocabulary of a few words; against the reference: tests/model/generation.
#include "model/core/error.h"
#include "model/text/clip_tokenizer.h"
#include "model/text/split_pattern.h"
#include "tests/model/weights/scratch.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

using nlohmann::json;
using vlm::ClipTokenizer;
using Ids = std::vector<int64_t>;

namespace {

class SmallClip : public ::testing::Test {
protected:
  SmallClip() {
    json vocabulary;
    for (const char *piece : {"!", "a", "b", "1", "'", "s", "!</w>", "a</w>", "b</w>", "1</w>",
                              "'</w>", "s</w>", "ab</w>", "'s</w>", "<|s|>", "<|e|>"})
      vocabulary[piece] = vocabulary.size();
    scratch_.write("vocab.json", vocabulary.dump());
    scratch_.write("merges.txt", "#version: 0.2\na b</w>\n' s</w>\n");
    config({{"pad_token", "<|e|>"}});
  }
  void config(json more) {
    json all = {{"tokenizer_class", "CLIPTokenizer"},
                {"bos_token", "<|s|>"},
                {"eos_token", {{"content", "<|e|>"}}},
                {"unk_token", "<|e|>"}};
    all.update(more);
    scratch_.write("tokenizer_config.json", all.dump());
  }
  /// Ids between start and end.
  Ids encode(const std::string &text) const {
    const Ids all = ClipTokenizer(scratch_.path("")).encode(text).ids;
    EXPECT_EQ(all.size(), 77u);
    EXPECT_EQ(all[0], 14);
    const auto end = std::find(all.begin(), all.end(), 15);
    return {all.begin() + 1, end};
  }

  vlm::test::Scratch scratch_;
};

TEST_F(SmallClip, WordsHaveEnds) {
  EXPECT_EQ(encode("ab"), (Ids{12}));
  EXPECT_EQ(encode("aab"), (Ids{1, 12}));
  EXPECT_EQ(encode("aba"), (Ids{1, 2, 7}));
  EXPECT_EQ(encode("  AB \n B"), (Ids{12, 8}));
  EXPECT_EQ(encode(""), Ids{});
}

TEST_F(SmallClip, DigitsStandAloneAndContractionsAreWords) {
  EXPECT_EQ(encode("11"), (Ids{9, 9}));
  EXPECT_EQ(encode("a1b"), (Ids{7, 9, 8}));
  EXPECT_EQ(encode("b's"), (Ids{8, 13}));
  EXPECT_EQ(encode("!!'"), (Ids{0, 0, 10}));
}

TEST_F(SmallClip, AThePaddingTokenIsCutOutOfTheText) {
  EXPECT_EQ(encode("a!b"), (Ids{7, 6, 8}));
  config({{"pad_token", "!"}});
  EXPECT_EQ(encode("a!b!!"), (Ids{7, 0, 8, 0, 0}));
  EXPECT_EQ(ClipTokenizer(scratch_.path("")).encode("a").ids.back(), 0);
}

TEST_F(SmallClip, UnknownCharactersAreTheUnknownToken) {
  const Ids all = ClipTokenizer(scratch_.path("")).encode("a z a").ids;
  EXPECT_EQ((Ids{all.begin(), all.begin() + 5}), (Ids{14, 7, 15, 7, 15}));
}

TEST_F(SmallClip, LongTextsAreCut) {
  const ClipTokenizer tokenizer(scratch_.path(""));
  std::string text;
  for (int i = 0; i < 75; ++i)
    text += "a ";
  EXPECT_EQ(tokenizer.encode(text).cut, 0);
  const auto cut = tokenizer.encode(text + "b a");
  EXPECT_EQ(cut.cut, 2);
  EXPECT_EQ(cut.ids, tokenizer.encode(text).ids);
  EXPECT_EQ(cut.ids.back(), 15);
}

TEST_F(SmallClip, RefusesInvalidUtf8) {
  vlm::test::expect_error(vlm::ErrorCategory::Data, {"UTF-8", "byte 1"}, [&] { encode("a\xff"); });
}

TEST_F(SmallClip, SpecialTokensMustBeNamed) {
  scratch_.write("tokenizer_config.json",
                 json{{"tokenizer_class", "CLIPTokenizer"}, {"bos_token", ""}}.dump());
  vlm::test::expect_error(vlm::ErrorCategory::Format, {scratch_.path(""), "bos_token"},
                          [&] { ClipTokenizer(scratch_.path("")); });
}

// As transformers reads it.
TEST_F(SmallClip, WithoutAConfigurationTokensHaveTheirUsualNames) {
  const auto ids = [&] { return ClipTokenizer(scratch_.path("")).encode("ab").ids; };
  std::filesystem::remove(scratch_.path("tokenizer_config.json"));
  vlm::test::expect_error(vlm::ErrorCategory::Format,
                          {"vocab.json: lacks \"<|startoftext|>\", the bos_token"}, ids);
  json vocabulary = {
      {"a", 0}, {"b</w>", 1}, {"ab</w>", 2}, {"<|startoftext|>", 3}, {"<|endoftext|>", 4}};
  scratch_.write("vocab.json", vocabulary.dump());
  scratch_.write("merges.txt", "#version: 0.2\na b</w>\n");
  Ids want(77, 4);
  want[0] = 3;
  want[1] = 2;
  EXPECT_EQ(ids(), want);
}

TEST(LowerCase, EveryAlphabet) {
  EXPECT_EQ(vlm::lower_case("Red CAFÉ, ΑΒΓ ДЖ 2Ω ǅ ß 漢 Ⅻ"), "red café, αβγ дж 2ω ǆ ß 漢 Ⅻ");
  EXPECT_EQ(vlm::lower_case(""), "");
  EXPECT_EQ(vlm::lower_case(std::string(100000, 'A')), std::string(100000, 'a'));
  EXPECT_EQ(vlm::lower_case("Ⱥ\\L$0"), "ⱥ\\l$0") << "two bytes become three";
}

} // namespace
