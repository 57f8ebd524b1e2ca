// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers that fit a JSON Schema; text that is read in pictures; turns that are forgotten.
#include "model/core/error.h"
#include "model/engine/model.h"
#include "model/engine/ocr.h"
#include "model/vision/image_file.h"
#include "tests/support/fixture.h"

#include <cmath>

namespace vlm {
namespace {

using nlohmann::json;

constexpr const char *kSchema = R"({"type":"object","properties":{
  "what":{"type":"string","maxLength":12},
  "colors":{"type":"array","items":{"enum":["red","green","blue"]},"minItems":1,"maxItems":2},
  "count":{"type":"integer","minimum":0,"maximum":20},
  "sign":{"anyOf":[{"type":"null"},{"type":"boolean"}]}},
  "required":["what","colors","count"],"additionalProperties":false})";

bool fits(const json &value) {
  if (!value.is_object() || value.size() < 3 || value.size() > 4)
    return false;
  for (const json &color : value.at("colors"))
    if (color != "red" && color != "green" && color != "blue")
      return false;
  const size_t colors = value["colors"].size();
  const bool sign =
      !value.contains("sign") || value["sign"].is_null() || value["sign"].is_boolean();
  return value.at("what").is_string() && colors >= 1 && colors <= 2 && sign &&
         value.at("count").is_number_integer() && value["count"] >= 0 && value["count"] <= 20;
}

Request make_request(const std::string &schema = kSchema) {
  Request request;
  request.question = "What is in the picture?";
  request.json_schema = schema;
  request.max_tokens = 200;
  return request;
}

Image sample() { return load_image(test::data("../../pipelines/captioned.jpg")); }

std::string problem(const Model &model, const Request &request, ErrorCategory category) {
  try {
    ADD_FAILURE() << model.generate(request).text;
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), category);
    return error.what();
  }
  return "";
}

// Of random weights: whatever they want, it fits. The families' tokenizers differ.
class JsonAnswers : public ::testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(, JsonAnswers, ::testing::Values("vicuna", "gemma", "llama3"),
                         [](const auto &name) { return std::string(name.param); });

TEST_P(JsonAnswers, FitTheSchema) {
  const auto model =
      Model::load({test::data(std::string(GetParam()) + "/model"), "cpu", "float32", 1});
  for (int seed = 0; seed < 6; ++seed) {
    Request request = make_request();
    request.sampling = {seed ? 1.5 : 0.0, seed % 2 ? 0 : 40, 1, static_cast<uint64_t>(seed)};
    const Result result = model->generate(request);
    const json value = json::parse(result.text, nullptr, false);
    ASSERT_FALSE(value.is_discarded()) << result.text;
    EXPECT_TRUE(fits(value)) << result.text;
    EXPECT_EQ(result.stop_reason, StopReason::Eos);
    for (const double logprob : result.token_logprobs)
      EXPECT_TRUE(std::isfinite(logprob) && logprob <= 0) << logprob;
  }
}

TEST(EmbeddedJson, FitsTheSchema) {
  const auto model = Model::load({});
  Request request = make_request();
  request.images.push_back(sample());
  std::string streamed;
  request.on_text = [&](const std::string &text) { streamed += text; };
  const Result result = model->generate(request);
  const json value = json::parse(result.text, nullptr, false);
  ASSERT_FALSE(value.is_discarded()) << result.text;
  EXPECT_TRUE(fits(value)) << result.text;
  EXPECT_EQ(streamed, result.text);
}

TEST(EmbeddedJson, IsNeverHalf) {
  const auto model = Model::load({});
  Request request = make_request();
  request.max_tokens = 3;
  const std::string words = problem(*model, request, ErrorCategory::Failed);
  EXPECT_NE(words.find("cut off by max-tokens=3"), std::string::npos) << words;
  EXPECT_NE(problem(*model, make_request("{}"), ErrorCategory::Settings).find("json-schema"),
            std::string::npos);
}

// What may follow nothing ends by itself, at the last token that is allowed.
TEST(EmbeddedJson, EndsWhereNothingMayFollow) {
  const auto model = Model::load({});
  Request request = make_request(R"({"const":true})");
  const Result whole = model->generate(request);
  EXPECT_EQ(whole.text, "true");
  request.max_tokens = static_cast<int64_t>(whole.output_ids.size());
  const Result same = model->generate(request);
  EXPECT_EQ(same.text, "true");
  EXPECT_EQ(same.stop_reason, StopReason::Eos);
}

// ---- text in pictures
// ----------------------------------------------------------------------------

TEST(Ocr, ReadsPicturesIntoThePrompt) {
  try {
    check_ocr();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  const auto model = Model::load({});
  Request request;
  request.question = "What does it say?";
  request.images = {sample(), sample()};
  request.max_tokens = 4;
  request.ocr = true;
  request.memory = std::make_shared<PictureMemory>();
  const Result result = model->generate(request);
  EXPECT_EQ(result.ocr_text.substr(0, 5), "STOP,") << result.ocr_text;
  EXPECT_NE(result.ocr_text.find(", STOP"), std::string::npos) << result.ocr_text;
  EXPECT_NE(result.prompt.find("say?\nReference OCR Token: " + result.ocr_text + "\n"),
            std::string::npos)
      << result.prompt;
  EXPECT_EQ(request.memory->text, result.ocr_text);
  request.memory->text = "as remembered";
  EXPECT_EQ(model->generate(request).ocr_text, "as remembered");
}

// ---- turns
// ---------------------------------------------------------------------------------------

TEST(Turns, ThatDoNotFitAreForgottenOldestFirst) {
  const auto model = Model::load({});
  Request request;
  request.images.push_back(sample());
  request.question = "What is in the picture?";
  request.max_tokens = 50;
  for (int i = 0; i < 100; ++i)
    request.turns.push_back({request.question, "Square number " + std::to_string(i) + "."});
  request.forget_turns = true;
  const Result result = model->generate(request);
  EXPECT_EQ(result.truncated_positions, 0);
  EXPECT_LE(result.prompt_positions + request.max_tokens, model->info().context_length);
  EXPECT_GT(result.prompt_positions, model->info().context_length / 2);
  EXPECT_NE(result.prompt.find("number 99."), std::string::npos);
  EXPECT_EQ(result.prompt.find("number 0."), std::string::npos);
  EXPECT_EQ(result.prompt.find("<image>"), result.prompt.rfind("<image>"));
}

} // namespace
} // namespace vlm
