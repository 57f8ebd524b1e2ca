// SPDX-License-Identifier: LGPL-2.1-or-later
// Every string of the reference's five tokenizers, and the prompt ids of every case.
#include "model/core/error.h"
#include "model/text/tokenizer.h"
#include "tests/support/fixture.h"

#include <set>

using vlm::Tokenizer;
using Ids = std::vector<int64_t>;

namespace {

struct Family : ::testing::TestWithParam<const char *> {
  nlohmann::json expected = vlm::test::read_json(std::string("tokenizers/") + GetParam() + ".json");
  std::unique_ptr<Tokenizer> tokenizer =
      Tokenizer::load(vlm::test::data(std::string(GetParam()) + "/model"));
};

std::string name_of(const ::testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  for (char &c : name)
    c = c == '-' ? '_' : c;
  return name;
}

} // namespace

TEST_P(Family, Ids) {
  ASSERT_GT(expected["strings"].size(), 100u);
  for (const auto &item : expected["strings"])
    EXPECT_EQ(tokenizer->encode(item["text"].get<std::string>()), item["ids"].get<Ids>())
        << item["text"];
}

TEST_P(Family, Text) {
  for (const auto &item : expected["strings"]) {
    EXPECT_EQ(tokenizer->decode(item["ids"].get<Ids>(), true), item["decoded"]) << item["ids"];
    EXPECT_EQ(tokenizer->decode(item["ids"].get<Ids>(), false), item["decoded_with_special"])
        << item["ids"];
  }
}

// One after the other, the bytes of the tokens are the text, behind the space that some put before
// every text; special tokens have none.
TEST_P(Family, BytesOfTokensMakeTheText) {
  int compared = 0;
  for (const auto &item : expected["strings"]) {
    const std::string text = item["text"];
    if (text.find('<') != std::string::npos || item["decoded"] != text)
      continue;
    std::string bytes;
    for (const int64_t id : item["ids"].get<Ids>())
      bytes += tokenizer->bytes(id).value_or("");
    EXPECT_TRUE(bytes == text || bytes == " " + text) << bytes << "\n" << text;
    ++compared;
  }
  EXPECT_GT(compared, 30);
  EXPECT_EQ(tokenizer->bytes(*tokenizer->eos_id()), std::nullopt);
}

TEST_P(Family, TextOfRandomIds) {
  ASSERT_FALSE(expected["decode_only"].empty());
  for (const auto &item : expected["decode_only"])
    EXPECT_EQ(tokenizer->decode(item["ids"].get<Ids>(), true), item["decoded"]) << item["ids"];
}

TEST_P(Family, PromptsWithPictures) {
  ASSERT_FALSE(expected["tokenizer_image_token"].empty());
  for (const auto &item : expected["tokenizer_image_token"])
    EXPECT_EQ(vlm::tokenize_prompt(*tokenizer, item["prompt"].get<std::string>()),
              item["ids"].get<Ids>())
        << item["prompt"];
}

TEST_P(Family, Vocabulary) {
  EXPECT_EQ(tokenizer->vocab_size(), expected["vocab"].get<int64_t>());
  EXPECT_EQ(tokenizer->bos_id(), expected["bos_id"].get<int64_t>());
  EXPECT_EQ(tokenizer->eos_id(), expected["eos_id"].get<int64_t>());
  EXPECT_EQ(tokenizer->piece_id("no such piece"), std::nullopt);
  for (const int64_t id : {int64_t{-1}, tokenizer->vocab_size(), vlm::kImageToken})
    EXPECT_THROW(tokenizer->decode({id}, true), vlm::Error) << id;
}

// Exactly those that the reference leaves out of decoded text.
TEST_P(Family, SpecialTokensAddNoText) {
  const std::vector<std::string> special = tokenizer->special_tokens();
  const std::set<std::string> known(special.begin(), special.end());
  ASSERT_EQ(known.count(tokenizer->decode({*tokenizer->eos_id()}, false)), 1u);
  for (const std::string &each : special) {
    const auto id = tokenizer->piece_id(each);
    ASSERT_TRUE(id) << each;
    EXPECT_EQ(tokenizer->decode({*id}, true), "") << each;
  }
  for (const auto &item : expected["strings"])
    for (const int64_t id : item["ids"].get<Ids>())
      if (tokenizer->decode({id}, true).empty() && !tokenizer->decode({id}, false).empty()) {
        EXPECT_EQ(known.count(tokenizer->decode({id}, false)), 1u) << id;
      }
}

TEST_P(Family, RefusesInvalidUtf8) {
  try {
    tokenizer->encode("ab\xC3(");
    FAIL();
  } catch (const vlm::Error &error) {
    EXPECT_EQ(error.category(), vlm::ErrorCategory::Data);
    EXPECT_NE(std::string(error.what()).find("byte 2"), std::string::npos) << error.what();
  }
}

TEST_P(Family, LongTextComesBack) {
  std::string text;
  while (text.size() < 100'000)
    text += "aaaa  \n\tWhat is 12345?" + std::to_string(text.size()) + "\xE7\x8C\xAB";
  const Ids ids = tokenizer->encode(text);
  EXPECT_EQ(tokenizer->decode(ids, true), text);
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Family,
                         ::testing::Values("vicuna", "yi", "llama3", "gemma", "mixtral"), name_of);

struct Case : ::testing::TestWithParam<const char *> {};

TEST_P(Case, PromptIdsAndAnswers) {
  const std::string folder = GetParam();
  const auto prompts = vlm::test::read_json(folder + "/case.json")["prompts"];
  const vlm::test::Fixture expected(folder + "/expected.safetensors");
  const auto tokenizer = Tokenizer::load(vlm::test::data(folder + "/model"));
  const auto ids_of = [&](const std::string &name) {
    const at::Tensor ids = expected[name];
    return Ids(ids.data_ptr<int32_t>(), ids.data_ptr<int32_t>() + ids.numel());
  };
  ASSERT_GE(prompts.size(), 3u);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string p = "p" + std::to_string(i);
    EXPECT_EQ(vlm::tokenize_prompt(*tokenizer, prompts[i]["prompt"].get<std::string>()),
              ids_of(p + ".input_ids"));
    EXPECT_EQ(tokenizer->decode(ids_of(p + ".output_ids"), true), prompts[i]["text_before_strip"]);
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Case, ::testing::ValuesIn(vlm::test::kReferenceModels),
                         name_of);
