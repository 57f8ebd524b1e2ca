// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes and tokens that a JSON Schema lets through: they always make JSON that fits it.
#include "model/core/error.h"
#include "model/language/json_constraint.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <random>

namespace vlm {
namespace {

using nlohmann::json;

bool accepts(const std::string &schema, const std::string &text) {
  const JsonGrammar grammar(schema);
  JsonGrammar::State state = grammar.start(), next;
  for (const char byte : text) {
    grammar.advance(state, static_cast<unsigned char>(byte), next);
    state = next;
    if (state.empty())
      return false;
  }
  return grammar.complete(state);
}

std::string refusal(const std::string &schema) {
  try {
    JsonGrammar grammar(schema);
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Settings);
    return error.what();
  }
  return "";
}

TEST(JsonGrammar, TakesCompactJsonOfEachType) {
  const std::string text = R"({"type":"string","minLength":1,"maxLength":3})";
  for (const char *good :
       {R"("a")", R"("\n\"\\")", "\"\xC3\xA4\xE2\x98\x83\xF0\x9F\x90\x88\"", R"( "a")"})
    EXPECT_TRUE(accepts(text, good)) << good;
  for (const char *bad : {R"("")", R"("abcd")", R"("\u0041")", "\"\n\"", "\"\xC3\"",
                          "\"\xED\xA0\x80\"", "\"\xC0\x80\"", R"(  "a")", R"("a" )", "a"})
    EXPECT_FALSE(accepts(text, bad)) << bad;
  const std::string number = R"({"type":"number"})";
  for (const char *good : {"0", "-0.5", "12.25", "-7"})
    EXPECT_TRUE(accepts(number, good)) << good;
  for (const char *bad : {"01", "1.", ".5", "-", "1e3", "+1", "1234567890123456"})
    EXPECT_FALSE(accepts(number, bad)) << bad;
  EXPECT_TRUE(accepts(R"({"type":"boolean"})", "true"));
  EXPECT_TRUE(accepts(R"({"type":["null","boolean"]})", "null"));
  EXPECT_FALSE(accepts(R"({"type":"boolean"})", "null"));
}

TEST(JsonGrammar, IntegersLieBetweenTheirBounds) {
  const std::pair<int, int> ranges[] = {{0, 100}, {-5, 17}, {-120, -30}, {7, 7},
                                        {0, 0},   {-1, 0},  {99, 1000}};
  for (const auto &[least, most] : ranges) {
    const json schema = {{"type", "integer"}, {"minimum", least}, {"maximum", most}};
    for (int value = -1300; value <= 1300; ++value)
      EXPECT_EQ(accepts(schema.dump(), std::to_string(value)), value >= least && value <= most)
          << value << " in " << schema;
    EXPECT_FALSE(accepts(schema.dump(), "-0"));
    EXPECT_FALSE(accepts(schema.dump(), "007"));
  }
  EXPECT_TRUE(accepts(R"({"type":"integer"})", "-999999999999999"));
  EXPECT_FALSE(accepts(R"({"type":"integer"})", "1000000000000000"));
}

TEST(JsonGrammar, ObjectsHaveTheirMembersInOrder) {
  const std::string schema = R"({"type":"object","additionalProperties":false,
    "properties":{"a/\"":{"type":"null"},"b":{"type":"integer"},"c":{"type":"null"}},"required":["b"]})";
  for (const char *good : {R"({"b":1})", R"({"a/\"":null,"b":12,"c":null})", R"({"b":0,"c":null})"})
    EXPECT_TRUE(accepts(schema, good)) << good;
  for (const char *bad : {"{}", R"({"c":null,"b":1})", R"({"b":1,})", R"({"b": 1})",
                          R"({"b":1,"b":1})", R"({"b":1)", R"({"x":1})"})
    EXPECT_FALSE(accepts(schema, bad)) << bad;
  EXPECT_TRUE(accepts(R"({"type":"object"})", "{}"));
}

TEST(JsonGrammar, ArraysHaveTheirLengths) {
  const std::string schema =
      R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2})";
  EXPECT_TRUE(accepts(schema, "[1]"));
  EXPECT_TRUE(accepts(schema, "[1,22]"));
  for (const char *bad : {"[]", "[1,]", "[1,2,3]", "[,1]", "[1 ,2]"})
    EXPECT_FALSE(accepts(schema, bad)) << bad;
  EXPECT_TRUE(accepts(R"({"type":"array","items":{"type":"null"},"maxItems":0})", "[]"));
}

TEST(JsonGrammar, ChoicesMayBeginAlike) {
  const std::string schema =
      R"({"type":"array","items":{"anyOf":[{"enum":[1,12,"x"]},{"type":"integer"},{"type":"number"},
          {"const":{"a":[1,"x"]}}]}})";
  for (const char *good : {"[1,12,\"x\",123,1.5]", R"([{"a":[1,"x"]},1])"})
    EXPECT_TRUE(accepts(schema, good)) << good;
  EXPECT_FALSE(accepts(schema, R"([{"a":[1]}])"));
}

// Alternatives that read the same do not multiply from item to item.
TEST(JsonGrammar, AmbiguityDoesNotGrow) {
  const JsonGrammar grammar(
      R"({"type":"array","items":{"anyOf":[{"type":"string"},{"type":"string"},
                                {"type":"number"},{"type":"integer"}]}})");
  JsonGrammar::State state = grammar.start(), next;
  std::string text = "[\"a\"";
  for (int i = 0; i < 30; ++i)
    text += i % 2 ? ",\"a\"" : ",1";
  for (const char byte : text) {
    grammar.advance(state, static_cast<unsigned char>(byte), next);
    state = next;
    ASSERT_FALSE(state.empty());
    ASSERT_LE(state.size(), 4u);
  }
}

TEST(JsonGrammar, RefusesWhatItWouldIgnore) {
  const std::pair<const char *, const char *> cases[] = {
      {"{", "is not JSON"},
      {"[]", "the whole: is not a schema object"},
      {"{}", "the whole: has neither type"},
      {R"({"type":"text"})", "/type: \"text\" is not a type"},
      {R"({"type":"string","pattern":"a*"})", "/pattern: this keyword is not supported"},
      {R"({"type":"object","properties":{"a/b":{"type":"number","minimum":0}}})",
       "/properties/a~1b/minimum: this keyword"},
      {R"({"type":"array"})", "without items"},
      {R"({"type":"array","items":{"type":"null"},"minItems":3,"maxItems":2})",
       "/maxItems: 2 is less"},
      {R"({"type":"string","maxLength":-1})", "/maxLength: -1 is not an integer"},
      {R"({"type":"integer","minimum":18446744073709551615})",
       "/minimum: 18446744073709551615 is not"},
      {R"({"type":"integer","minimum":5,"maximum":4})", "/maximum: 4 is less than minimum 5"},
      {R"({"type":"object","required":["a"]})", "/required: \"a\" is none of the properties"},
      {R"({"type":"object","additionalProperties":{"type":"null"}})",
       "/additionalProperties: only"},
      {R"({"anyOf":[{"type":"null"}],"type":"null"})", "/type: this keyword"},
      {R"({"enum":[]})", "/enum: is not a list"},
      {R"({"enum":[1],"type":"string"})", "1 is not of the type"},
      {R"({"$ref":"#"})", "has neither"},
  };
  for (const auto &[schema, words] : cases)
    EXPECT_NE(refusal(schema).find(words), std::string::npos) << schema << "\n" << refusal(schema);
  EXPECT_EQ(refusal(R"({"type":"null","title":"t","description":"d"})"), "");
}

TEST(JsonGrammar, HasLimits) {
  const auto nested = [](int depth) {
    std::string out = R"({"type":"null"})";
    for (int i = 1; i < depth; ++i)
      out = R"({"type":"array","items":)" + out + "}";
    return out;
  };
  EXPECT_EQ(refusal(nested(16)), "");
  EXPECT_NE(refusal(nested(17)).find("deeper than 16"), std::string::npos) << refusal(nested(17));
  EXPECT_NE(refusal(nested(1000)).find("brackets"), std::string::npos);
  EXPECT_NE(refusal(std::string(65537, ' ')).find("65537 bytes"), std::string::npos);
  EXPECT_TRUE(accepts(nested(16), std::string(15, '[') + "null" + std::string(15, ']')));
}

// ---- at random
// ------------------------------------------------------------------------------------

using Random = std::minstd_rand;

int below(Random &random, int count) {
  return static_cast<int>(random() % static_cast<unsigned>(count));
}

json random_schema(Random &random, int depth) {
  switch (below(random, depth > 0 ? 9 : 6)) {
  case 0: {
    const int least = below(random, 4);
    return {{"type", "string"}, {"minLength", least}, {"maxLength", least + below(random, 6)}};
  }
  case 1: {
    const int least = below(random, 400) - 200;
    return {{"type", "integer"}, {"minimum", least}, {"maximum", least + below(random, 300)}};
  }
  case 2:
    return {{"type", "number"}};
  case 3:
    return {{"type", "boolean"}};
  case 4:
    return {{"enum", {"red", "reddish", 1, 12, nullptr, json::array({1, "a\xC3\xA4"})}}};
  case 5:
    return {{"type", {"null", "string"}}};
  case 6: {
    const int least = below(random, 3);
    return {{"type", "array"},
            {"items", random_schema(random, depth - 1)},
            {"minItems", least},
            {"maxItems", least + below(random, 3)}};
  }
  case 7:
    return {{"anyOf", {random_schema(random, depth - 1), random_schema(random, depth - 1)}}};
  default: {
    json out = {{"type", "object"}, {"properties", json::object()}, {"required", json::array()}};
    for (int i = below(random, 4); i > 0; --i) {
      const std::string name = std::string(1, static_cast<char>('a' + i)) + (i == 2 ? "\"" : "");
      out["properties"][name] = random_schema(random, depth - 1);
      if (below(random, 2))
        out["required"].push_back(name);
    }
    return out;
  }
  }
}

size_t characters(const std::string &text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool fits(const json &schema, const json &value);

bool fits_object(const json &schema, const json &value) {
  for (const auto &[name, each] : value.items())
    if (!schema["properties"].contains(name) || !fits(schema["properties"][name], each))
      return false;
  return std::all_of(schema["required"].begin(), schema["required"].end(),
                     [&](const json &name) { return value.contains(name.get<std::string>()); });
}

bool fits_type(const json &schema, const std::string &type, const json &value) {
  if (type == "null")
    return value.is_null();
  if (type == "boolean")
    return value.is_boolean();
  if (type == "number")
    return value.is_number();
  if (type == "integer")
    return value.is_number_integer() && value >= schema["minimum"] && value <= schema["maximum"];
  if (type == "string")
    return value.is_string() && characters(value) >= schema.value("minLength", 0u) &&
           characters(value) <= schema.value("maxLength", 256u);
  if (type == "object")
    return value.is_object() && fits_object(schema, value);
  return value.is_array() && value.size() >= schema["minItems"] &&
         value.size() <= schema["maxItems"] &&
         std::all_of(value.begin(), value.end(),
                     [&](const json &each) { return fits(schema["items"], each); });
}

bool fits(const json &schema, const json &value) {
  const auto any = [&](const json &list, const auto &test) {
    return std::any_of(list.begin(), list.end(), test);
  };
  if (schema.contains("enum"))
    return any(schema["enum"], [&](const json &each) { return each == value; });
  if (schema.contains("anyOf"))
    return any(schema["anyOf"], [&](const json &each) { return fits(each, value); });
  if (schema["type"].is_array())
    return any(schema["type"], [&](const json &each) { return fits_type(schema, each, value); });
  return fits_type(schema, schema["type"], value);
}

std::vector<unsigned char> possible(const JsonGrammar &grammar, const JsonGrammar::State &state) {
  std::vector<unsigned char> out;
  JsonGrammar::State next;
  for (int byte = 0; byte < 256; ++byte) {
    grammar.advance(state, static_cast<unsigned char>(byte), next);
    if (!next.empty())
      out.push_back(static_cast<unsigned char>(byte));
  }
  return out;
}

// Whatever is chosen, there is a way on, and the end fits.
TEST(JsonGrammar, EveryWayEndsInJsonThatFits) {
  Random random(7);
  for (int round = 0; round < 400; ++round) {
    const json schema = random_schema(random, 3);
    const JsonGrammar grammar(schema.dump());
    JsonGrammar::State state = grammar.start(), next;
    std::string text;
    while (!grammar.finished(state) && !(grammar.complete(state) && below(random, 4) == 0)) {
      const auto bytes = possible(grammar, state);
      ASSERT_TRUE(!bytes.empty() || grammar.complete(state)) << schema << "\n" << text;
      if (bytes.empty())
        break;
      ASSERT_LT(text.size(), 100000u) << schema;
      const unsigned char byte =
          bytes[static_cast<size_t>(below(random, static_cast<int>(bytes.size())))];
      grammar.advance(state, byte, next);
      state = next;
      text += static_cast<char>(byte);
    }
    const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(value.is_discarded()) << text;
    EXPECT_TRUE(fits(schema, value)) << schema << "\n" << text;
  }
}

// ---- tokens
// ----------------------------------------------------------------------------------------

// All single bytes, then `count` random pieces; id 0 is special.
std::vector<std::optional<std::string>> vocabulary(size_t count, Random &random) {
  std::vector<std::optional<std::string>> out = {std::nullopt};
  for (int byte = 0; byte < 256; ++byte)
    out.push_back(std::string(1, static_cast<char>(byte)));
  const std::string letters = "etaoin shrdlu\",:{}[]0123456789-.\xC3\xA4";
  while (out.size() < count) {
    std::string piece(1, ' ');
    for (int length = 1 + below(random, 9); length > 0; --length)
      piece += letters[static_cast<size_t>(below(random, static_cast<int>(letters.size())))];
    out.push_back(piece.substr(static_cast<size_t>(below(random, 2))));
  }
  return out;
}

TEST(JsonConstraint, EveryWayOfTokensEndsInJsonThatFits) {
  Random random(11);
  const auto words = std::make_shared<VocabularyBytes>(vocabulary(2000, random));
  for (int round = 0; round < 100; ++round) {
    const json schema = random_schema(random, 3);
    JsonConstraint constraint(schema.dump(), words, {0});
    int64_t id = -1;
    while (!constraint.finished() && id != 0) {
      const std::vector<bool> &mask = constraint.allowed();
      EXPECT_EQ(mask[0], constraint.complete());
      do
        id = below(random, static_cast<int>(mask.size()));
      while (!mask[static_cast<size_t>(id)]);
      if (id != 0)
        constraint.accept(id);
    }
    const json value = json::parse(constraint.text(), nullptr, false);
    ASSERT_FALSE(value.is_discarded()) << constraint.text();
    EXPECT_TRUE(fits(schema, value)) << schema << "\n" << constraint.text();
  }
}

// The mask is what the grammar says of every token by itself, also when it was kept from before.
TEST(JsonConstraint, MaskIsThatOfEveryTokenAlone) {
  Random random(13);
  const auto tokens = vocabulary(1000, random);
  const auto words = std::make_shared<VocabularyBytes>(tokens);
  const std::string schema = R"({"type":"object","properties":{"a":{"type":"string","minLength":5,
    "maxLength":40},"b":{"type":"array","items":{"type":"number"}}},"required":["a","b"]})";
  JsonConstraint constraint(schema, words, {0});
  const JsonGrammar grammar(schema);
  JsonGrammar::State state = grammar.start(), next;
  for (int step = 0; step < 40 && !constraint.finished(); ++step) {
    const std::vector<bool> mask = constraint.allowed();
    std::vector<int64_t> choices;
    for (size_t id = 1; id < tokens.size(); ++id) {
      JsonGrammar::State at = state;
      for (const char byte : *tokens[id]) {
        grammar.advance(at, static_cast<unsigned char>(byte), next);
        at = next;
      }
      ASSERT_EQ(mask[id], !at.empty()) << *tokens[id] << " after " << constraint.text();
      if (mask[id])
        choices.push_back(static_cast<int64_t>(id));
    }
    const int64_t id =
        choices[static_cast<size_t>(below(random, static_cast<int>(choices.size())))];
    constraint.accept(id);
    for (const char byte : *tokens[static_cast<size_t>(id)]) {
      grammar.advance(state, static_cast<unsigned char>(byte), next);
      state = next;
    }
  }
}

TEST(JsonConstraint, IsRefusedByAVocabularyThatCannotWriteIt) {
  const auto words = std::make_shared<VocabularyBytes>(
      std::vector<std::optional<std::string>>{std::nullopt, "a", "\""});
  JsonConstraint constraint(R"({"type":"integer"})", words, {0});
  EXPECT_THROW(constraint.allowed(), Error);
}

// Inside a string all masks but the last few are one: a step costs little.
TEST(JsonConstraint, StepsOfALargeVocabularyAreQuick) {
  Random random(17);
  const auto words = std::make_shared<VocabularyBytes>(vocabulary(32000, random));
  JsonConstraint constraint(R"({"type":"string","maxLength":200})", words, {0});
  const auto began = std::chrono::steady_clock::now();
  constraint.allowed();
  constraint.accept(1 + '"');
  for (int i = 0; i < 150; ++i) {
    ASSERT_TRUE(constraint.allowed()[1 + 'a']);
    constraint.accept(1 + 'a');
  }
  const auto spent = std::chrono::steady_clock::now() - began;
  const double each = std::chrono::duration<double, std::milli>(spent).count() / 151;
  RecordProperty("milliseconds_each", std::to_string(each));
  EXPECT_LT(each, 50) << "milliseconds; 1 on a machine with nothing else to do";
}

} // namespace
} // namespace vlm
