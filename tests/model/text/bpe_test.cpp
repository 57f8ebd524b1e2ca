// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a fast tokenizer that the reference's five do not reach.
#include "model/core/error.h"
#include "model/text/added_tokens.h"
#include "model/text/bpe.h"
#include "model/text/byte_level.h"
#include "model/text/split_pattern.h"
#include "model/text/text_steps.h"

#include <gtest/gtest.h>

#include <chrono>

using nlohmann::json;
using Ids = std::vector<int64_t>;
using Texts = std::vector<std::string>;

namespace {

Ids encode(const vlm::Bpe &bpe, const std::string &word) {
  Ids ids;
  bpe.encode(word, ids);
  return ids;
}

json letters() {
  return {{"type", "BPE"},
          {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"bc", 4}, {"abc", 5}, {"?", 6}}},
          {"merges", {"b c", "a b", "a bc"}}};
}

double seconds(const std::function<void()> &action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

TEST(Bpe, EarlierRulesFirstThenFromTheLeft) {
  const vlm::Bpe bpe(letters(), "file");
  EXPECT_EQ(encode(bpe, "abc"), (Ids{5}));
  EXPECT_EQ(encode(bpe, "abab"), (Ids{3, 3}));
  EXPECT_EQ(encode(bpe, "cba"), (Ids{2, 1, 0}));
  EXPECT_EQ(encode(bpe, ""), Ids{});
}

TEST(Bpe, MergesAsPairs) {
  json model = letters();
  model["merges"] = json::array({json::array({"a", "b"})});
  EXPECT_EQ(encode(vlm::Bpe(model, "file"), "abc"), (Ids{3, 2}));
}

TEST(Bpe, WholeWordsWhenMergesAreIgnored) {
  json model = letters();
  model["merges"] = json::array();
  EXPECT_EQ(encode(vlm::Bpe(model, "file"), "abc"), (Ids{0, 1, 2}));
  model["ignore_merges"] = true;
  EXPECT_EQ(encode(vlm::Bpe(model, "file"), "abc"), (Ids{5}));
}

TEST(Bpe, UnknownCharacters) {
  json model = letters();
  EXPECT_EQ(encode(vlm::Bpe(model, "file"), "axyb"), (Ids{3})) << "dropped";
  model["unk_token"] = "?";
  EXPECT_EQ(encode(vlm::Bpe(model, "file"), "axyb"), (Ids{0, 6, 6, 1}));
  model["fuse_unk"] = true;
  EXPECT_EQ(encode(vlm::Bpe(model, "file"), "axyb"), (Ids{0, 6, 1}));
}

TEST(Bpe, TimeGrowsWithTheLengthOnly) {
  const vlm::Bpe bpe(letters(), "file");
  std::string word;
  for (int i = 0; i < 1'000'000; ++i)
    word += "abc"[i * 7 % 3];
  EXPECT_LT(seconds([&] { encode(bpe, word); }), 60) << "a quadratic search would take hours";
}

TEST(ByteLevel, EveryByteComesBack) {
  std::string bytes;
  for (int b = 0; b < 256; ++b)
    bytes += static_cast<char>(b);
  const std::string characters = vlm::bytes_to_characters(bytes);
  EXPECT_EQ(vlm::characters_to_bytes(characters), bytes);
  EXPECT_EQ(vlm::bytes_to_characters(" \n"), "\xC4\xA0\xC4\x8A");
  EXPECT_EQ(vlm::characters_to_bytes("\xE7\x8C\xAB"), "\xE7\x8C\xAB") << "stands for no bytes";
}

TEST(AddedTokens, LeftmostThenLongest) {
  const vlm::AddedTokenSplitter splitter({{"<a>", 1}, {"<a><b>", 2}, {"<b>", 3}});
  const auto parts = splitter.split("x<a><b><b>y<a");
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].text, "x");
  EXPECT_EQ(parts[1].id, 2);
  EXPECT_EQ(parts[2].id, 3);
  EXPECT_EQ(parts[3].text, "y<a");
}

TEST(AddedTokens, SwallowWhiteSpace) {
  vlm::AddedToken token{"<m>", 1};
  token.lstrip = token.rstrip = true;
  const auto parts = vlm::AddedTokenSplitter({token}).split("a \xE3\x80\x80<m>\n b <m> ");
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].text, "a");
  EXPECT_EQ(parts[2].text, "b");
  EXPECT_EQ(parts[3].id, 1);
}

TEST(TextSteps, SplitBehaviours) {
  const auto words = [](const char *behavior, const std::string &text) {
    const json part = {{"type", "Split"}, {"pattern", {{"String", " "}}}, {"behavior", behavior}};
    return vlm::run(vlm::pre_tokenizer_steps(part, "file"), {text});
  };
  EXPECT_EQ(words("Isolated", "a  b "), (Texts{"a", " ", " ", "b", " "}));
  EXPECT_EQ(words("MergedWithPrevious", " a  b"), (Texts{" ", "a ", " ", "b"}));
  EXPECT_THROW(words("Removed", "a b"), vlm::Error);
}

TEST(TextSteps, ByteLevelSplitsByItselfAndPrefixesASpace) {
  const json part = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"use_regex", true}};
  EXPECT_EQ(vlm::run(vlm::pre_tokenizer_steps(part, "file"), {"I'm 10"}),
            (Texts{"\xC4\xA0I", "'m", "\xC4\xA0\x31\x30"}));
}

TEST(TextSteps, WithoutADecoderPiecesStandApart) {
  EXPECT_EQ(vlm::run(vlm::decoder_steps(nullptr, "file"), {"a", "b"}), (Texts{"a", " b"}));
}

TEST(SplitPattern, WhiteSpaceIsUnicodes) {
  const vlm::SplitPattern pattern("\\s+");
  EXPECT_EQ(pattern.find_all("a\xE3\x80\x80\xC2\x85z").size(), 1u);
  EXPECT_TRUE(pattern.find_all("a\xE1\xA0\x8Ez").empty()) << "U+180E is no space any more";
}

TEST(SplitPattern, TooManyStepsAreAnError) {
  EXPECT_THROW(vlm::SplitPattern("(a+)+$").find_all(std::string(64, 'a') + "b"), vlm::Error);
}
