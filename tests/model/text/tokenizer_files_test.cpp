// SPDX-License-Identifier: LGPL-2.1-or-later
// Which files make which tokenizer, and what is said about broken ones.
#include "model/core/error.h"
#include "model/text/tokenizer.h"
#include "tests/support/fixture.h"

#include <filesystem>
#include <fstream>

using nlohmann::json;
using vlm::ErrorCategory;
using vlm::Tokenizer;
using Ids = std::vector<int64_t>;
namespace fs = std::filesystem;

namespace {

class TokenizerFiles : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "vlm-text-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }

  void write(const std::string &name, const std::string &bytes) {
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
  }
  void copy(const std::string &from) {
    fs::copy(vlm::test::data(from), folder, fs::copy_options::overwrite_existing);
  }
  json pipeline(const std::string &family = "llama3") {
    return vlm::test::read_json(family + "/model/tokenizer.json");
  }
  void expect_error(ErrorCategory category, const std::vector<std::string> &words) {
    try {
      Tokenizer::load(folder);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const vlm::Error &error) {
      EXPECT_EQ(error.category(), category) << error.what();
      for (const std::string &word : words)
        EXPECT_NE(std::string(error.what()).find(word), std::string::npos)
            << error.what() << "\nlacks " << word;
    }
  }

  std::string folder;
};

} // namespace

TEST_F(TokenizerFiles, Missing) {
  expect_error(ErrorCategory::NotFound, {folder, "tokenizer.json", "tokenizer.model"});
  fs::remove_all(folder);
  expect_error(ErrorCategory::NotFound, {folder});
}

TEST_F(TokenizerFiles, BrokenSentencePieceModel) {
  const std::string whole = vlm::read_file(vlm::test::data("vicuna/model/tokenizer.model"));
  const std::string path = folder + "/tokenizer.model";
  for (const bool legacy : {false, true}) {
    write("tokenizer_config.json", json{{"legacy", legacy}}.dump());
    for (const size_t length : {size_t{0}, size_t{1}, whole.size() / 2, whole.size() - 4}) {
      write("tokenizer.model", whole.substr(0, length));
      expect_error(ErrorCategory::Format, {path});
    }
    write("tokenizer.model", std::string(4096, '\xFF'));
    expect_error(ErrorCategory::Format, {path});
  }
}

TEST_F(TokenizerFiles, SentencePieceModelAloneIsALegacyLlama) {
  copy("vicuna/model/tokenizer.model");
  const auto tokenizer = Tokenizer::load(folder);
  EXPECT_EQ(tokenizer->bos_id(), 1);
  EXPECT_EQ(tokenizer->eos_id(), 2);
  const Ids ids = tokenizer->encode("a</s>b");
  ASSERT_EQ(ids.size(), 4u) << "one BOS, and </s> is one token";
  EXPECT_EQ(ids[0], 1);
  EXPECT_EQ(ids[2], 2);
}

TEST_F(TokenizerFiles, OlderCheckpointsSpreadTheirAddedTokens) {
  copy("yi/model/tokenizer.model");
  copy("yi/model/special_tokens_map.json");
  copy("yi/model/added_tokens.json");
  json config = vlm::test::read_json("yi/model/tokenizer_config.json");
  for (const char *key : {"added_tokens_decoder", "bos_token", "eos_token", "unk_token"})
    config.erase(key);
  write("tokenizer_config.json", config.dump());
  const auto tokenizer = Tokenizer::load(folder);
  EXPECT_EQ(tokenizer->eos_id(), 7);
  EXPECT_EQ(tokenizer->encode("<|im_start|>").size(), 1u);
}

TEST_F(TokenizerFiles, SpecialTokensFromOutsideTheVocabularyComeBehindIt) {
  copy("vicuna/model/tokenizer.model");
  write("tokenizer_config.json",
        R"({"tokenizer_class":"LlamaTokenizer","pad_token":"[PAD]",
            "additional_special_tokens":["<extra>"]})");
  const auto tokenizer = Tokenizer::load(folder);
  EXPECT_EQ(tokenizer->piece_id("[PAD]"), 700);
  EXPECT_EQ(tokenizer->piece_id("<extra>"), 701);
  EXPECT_EQ(tokenizer->vocab_size(), 702);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a<extra>"), true), "a");
}

TEST_F(TokenizerFiles, OtherClassesNeedAPipeline) {
  copy("vicuna/model/tokenizer.model");
  write("tokenizer_config.json", R"({"tokenizer_class":"GemmaTokenizer"})");
  expect_error(ErrorCategory::Unsupported, {folder, "GemmaTokenizer", "tokenizer.json"});
}

TEST_F(TokenizerFiles, BrokenConfig) {
  copy("vicuna/model/tokenizer.model");
  const std::string path = folder + "/tokenizer_config.json";
  for (const char *text :
       {"", "{", "[]", "null", R"({"tokenizer_class":3})", R"({"bos_token":[]})",
        R"({"added_tokens_decoder":{"one":{"content":"<a>"}}})",
        R"({"added_tokens_decoder":{"1":{"lstrip":true}}})", R"({"legacy":"yes"})"}) {
    write("tokenizer_config.json", text);
    expect_error(ErrorCategory::Format, {path});
  }
  write("tokenizer_config.json", R"({"added_tokens_decoder":{"99999999999":{"content":"<a>"}}})");
  expect_error(ErrorCategory::Format, {"<a>", "99999999999"});
}

TEST_F(TokenizerFiles, BrokenPipeline) {
  const std::string path = folder + "/tokenizer.json";
  const std::string whole = pipeline().dump();
  for (const std::string &text :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("[]"), std::string("{}"),
        std::string("{\"a\":\"\xFF\"}")}) {
    write("tokenizer.json", text);
    expect_error(ErrorCategory::Format, {path});
  }
}

TEST_F(TokenizerFiles, UnknownStepsAreNamed) {
  const std::string path = folder + "/tokenizer.json";
  const auto expect_unsupported = [&](const json &file, const std::string &word) {
    write("tokenizer.json", file.dump());
    expect_error(ErrorCategory::Unsupported, {path, word});
  };
  json file = pipeline();
  file["model"]["type"] = "Unigram";
  expect_unsupported(file, "Unigram");
  for (const char *part : {"normalizer", "pre_tokenizer", "decoder", "post_processor"}) {
    file = pipeline();
    file[part] = {{"type", "Fancy"}};
    expect_unsupported(file, "Fancy");
  }
  file = pipeline();
  file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(unclosed";
  expect_unsupported(file, "(unclosed");
}

TEST_F(TokenizerFiles, InconsistentVocabulary) {
  const auto expect_format = [&](const json &file, const std::vector<std::string> &words) {
    write("tokenizer.json", file.dump());
    expect_error(ErrorCategory::Format, words);
  };
  json file = pipeline();
  file["model"]["merges"].push_back("never seen");
  expect_format(file, {"tokenizer.json", "never"});
  file = pipeline();
  file["model"]["merges"].push_back("three little pieces");
  expect_format(file, {"tokenizer.json", "three little pieces"});
  file = pipeline();
  file["model"]["vocab"]["x y"] = 5;
  expect_format(file, {"tokenizer.json", "share the id 5"});
  for (const int64_t id : {int64_t{-1}, int64_t{1} << 40}) {
    file = pipeline();
    file["model"]["vocab"]["x y"] = id;
    expect_format(file, {"tokenizer.json", std::to_string(id)});
    file = pipeline();
    file["added_tokens"][0]["id"] = id;
    expect_format(file, {"tokenizer.json", std::to_string(id)});
  }
}

TEST_F(TokenizerFiles, GenericPipelineTakesItsFrameFromTheFile) {
  write("tokenizer.json", pipeline().dump());
  EXPECT_EQ(Tokenizer::load(folder)->encode("a").size(), 2u) << "BOS by the post-processor";
  json file = pipeline();
  file["post_processor"] = nullptr;
  write("tokenizer.json", file.dump());
  const auto tokenizer = Tokenizer::load(folder);
  EXPECT_EQ(tokenizer->encode("a").size(), 1u);
  EXPECT_EQ(tokenizer->bos_id(), std::nullopt) << "no config names one";
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a ."), true), "a.") << "cleaned up by default";
}

TEST_F(TokenizerFiles, LlamaAndGemmaPipelinesTakeTheirFrameFromFlags) {
  write("tokenizer.json", pipeline("mixtral").dump());
  json config = vlm::test::read_json("mixtral/model/tokenizer_config.json");
  config["add_bos_token"] = false;
  config["add_eos_token"] = true;
  write("tokenizer_config.json", config.dump());
  const Ids ids = Tokenizer::load(folder)->encode("");
  EXPECT_EQ(ids, (Ids{2}));
}

TEST_F(TokenizerFiles, NormalizedAddedTokensAreFoundAfterNormalisation) {
  json file = pipeline("gemma");
  file["added_tokens"].push_back({{"id", 800},
                                  {"content", "two words"},
                                  {"special", false},
                                  {"normalized", true},
                                  {"single_word", false},
                                  {"lstrip", false},
                                  {"rstrip", false}});
  write("tokenizer.json", file.dump());
  const auto tokenizer = Tokenizer::load(folder);
  const Ids ids = tokenizer->encode("two\xE2\x96\x81words");
  EXPECT_EQ(ids.back(), 800);
  EXPECT_EQ(tokenizer->vocab_size(), 801);
  EXPECT_THROW(tokenizer->decode({790}, true), vlm::Error) << "a hole in the vocabulary";
}

// Flags that none of the five checkpoints has: lstrip, rstrip, added tokens that are not special,
// the other value of "legacy" and so on; what Hugging Face makes of them is in variants.json.
TEST_F(TokenizerFiles, VariantsOfTheConfiguration) {
  const json variants = vlm::test::read_json("../model/text/variants.json")["variants"];
  ASSERT_EQ(variants.size(), 8u);
  for (const json &variant : variants) {
    fs::remove_all(folder);
    fs::create_directory(folder);
    copy(variant["base"].get<std::string>() + "/model/" + variant["file"].get<std::string>());
    write("tokenizer_config.json", variant["config"].dump());
    const auto tokenizer = Tokenizer::load(folder);
    for (const json &item : variant["strings"]) {
      const Ids ids = item["ids"];
      EXPECT_EQ(tokenizer->encode(item["text"].get<std::string>()), ids)
          << variant["name"] << item["text"];
      EXPECT_EQ(tokenizer->decode(ids, true), item["decoded"]) << variant["name"] << item["text"];
      EXPECT_EQ(tokenizer->decode(ids, false), item["decoded_with_special"])
          << variant["name"] << item["text"];
    }
  }
}

TEST_F(TokenizerFiles, SentencePieceModelsOfOtherKindsAreRefused) {
  copy("vicuna/model/tokenizer.model");
  const std::string whole = vlm::read_file(folder + "/tokenizer.model");
  const auto expect_refused = [&](const std::string &more, const std::string &word) {
    write("tokenizer.model", whole + more); // the last occurrence of a field wins
    expect_error(ErrorCategory::Unsupported, {"tokenizer.model", word});
  };
  using std::string_literals::operator""s;
  expect_refused("\x12\x02\x18\x01"s, "BPE");
  expect_refused("\x12\x03\xC0\x01\x01"s, "suffix");
  expect_refused("\x1A\x02\x20\x01"s, "remove_extra_whitespaces");
  expect_refused("\x1A\x03\x12\x01x"s, "identity");
  expect_refused("\x0A\x05\x0A\x01x\x18\x05"s, "kind of piece");
  write("tokenizer.model", whole + "\x0A\x05\x0A\x03<s>"s);
  expect_error(ErrorCategory::Format, {"<s>", "twice"});
}
