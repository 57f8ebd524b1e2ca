// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/json_schema.h"

#include "model/core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace vlm {
namespace {

using nlohmann::ordered_json;
using Kind = JsonSchema::Kind;
using Node = JsonSchema::Node;

constexpr int64_t kLargestInteger = 999'999'999'999'999; // of kDigits digits

template <typename... Parts>
[[noreturn]] void refuse(const std::string &place, const Parts &...parts) {
  fail(ErrorCategory::Settings, "json-schema: ", place.empty() ? "the whole" : place, ": ",
       parts...);
}

// One step of a JSON pointer.
std::string step(std::string name) {
  for (const auto &[character, escape] : {std::pair{"~", "~0"}, std::pair{"/", "~1"}})
    for (size_t at = 0; (at = name.find(character, at)) != std::string::npos; at += 2)
      name.replace(at, 1, escape);
  return "/" + name;
}

bool is_annotation(const std::string &key) {
  for (const char *each :
       {"title", "description", "$schema", "$id", "$comment", "default", "examples"})
    if (key == each)
      return true;
  return false;
}

void allow_only(const ordered_json &schema, std::initializer_list<const char *> known,
                const std::string &place) {
  for (const auto &[key, value] : schema.items())
    if (!is_annotation(key) && std::find(known.begin(), known.end(), key) == known.end())
      refuse(place + step(key), "this keyword is not supported here");
}

bool has_type(const ordered_json &value, const std::string &type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
         (type == "integer" && value.is_number_integer()) ||
         (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

int64_t integer(const ordered_json &schema, const char *key, int64_t fallback, int64_t least,
                int64_t most, const std::string &place) {
  const auto found = schema.find(key);
  if (found == schema.end())
    return fallback;
  const bool huge = found->is_number_unsigned() && found->get<uint64_t>() > INT64_MAX;
  if (!found->is_number_integer() || huge || *found < least || *found > most)
    refuse(place + step(key), found->dump(), " is not an integer from ", least, " to ", most);
  return found->get<int64_t>();
}

class Compiler {
public:
  explicit Compiler(JsonSchema &out) : out_(out) {}

  uint16_t value(const ordered_json &schema, const std::string &place, int depth) {
    if (!schema.is_object())
      refuse(place, "is not a schema object");
    if (depth > JsonSchema::kDeepest)
      refuse(place, "lies deeper than ", JsonSchema::kDeepest, " levels");
    if (schema.contains("const") || schema.contains("enum"))
      return constants(schema, place);
    if (schema.contains("anyOf"))
      return any_of(schema, place, depth);
    const auto type = schema.find("type");
    if (type == schema.end())
      refuse(place, "has neither type, enum, const nor anyOf");
    if (type->is_string())
      return typed(schema, *type, place, depth);
    if (!type->is_array() || type->empty())
      refuse(place + "/type", "is neither a name nor a list of names");
    Node node{Kind::AnyOf};
    for (const ordered_json &each : *type)
      node.children.push_back(one_of_types(schema, each, place, depth));
    return add(std::move(node));
  }

  uint16_t add(Node node) {
    if (out_.nodes.size() >= std::numeric_limits<uint16_t>::max())
      refuse("", "is too large");
    out_.nodes.push_back(std::move(node));
    return static_cast<uint16_t>(out_.nodes.size() - 1);
  }

private:
  uint16_t literal(std::string text) { return add({Kind::Literal, std::move(text)}); }

  uint16_t constants(const ordered_json &schema, const std::string &place) {
    allow_only(schema, {"type", schema.contains("const") ? "const" : "enum"}, place);
    const ordered_json values =
        schema.contains("const") ? ordered_json::array({schema["const"]}) : schema["enum"];
    if (!values.is_array() || values.empty())
      refuse(place + "/enum", "is not a list of values");
    Node node{Kind::AnyOf};
    for (const ordered_json &value : values) {
      const auto type = schema.find("type");
      if (type != schema.end() && !(type->is_string() && has_type(value, *type)))
        refuse(place, value.dump(), " is not of the type ", type->dump());
      node.children.push_back(literal(value.dump()));
    }
    return add(std::move(node));
  }

  uint16_t any_of(const ordered_json &schema, const std::string &place, int depth) {
    allow_only(schema, {"anyOf"}, place);
    const ordered_json &choices = schema["anyOf"];
    if (!choices.is_array() || choices.empty())
      refuse(place + "/anyOf", "is not a list of schemas");
    Node node{Kind::AnyOf};
    for (size_t i = 0; i < choices.size(); ++i)
      node.children.push_back(value(choices[i], place + "/anyOf/" + std::to_string(i), depth + 1));
    return add(std::move(node));
  }

  // Of a list of types the keywords must go with all of them.
  uint16_t one_of_types(const ordered_json &schema, const ordered_json &type,
                        const std::string &place, int depth) {
    if (!type.is_string())
      refuse(place + "/type", type.dump(), " is not the name of a type");
    return typed(schema, type, place, depth);
  }

  uint16_t typed(const ordered_json &schema, const std::string &type, const std::string &place,
                 int depth) {
    if (type == "object")
      return object(schema, place, depth);
    if (type == "array")
      return array(schema, place, depth);
    if (type == "string") {
      allow_only(schema, {"type", "minLength", "maxLength"}, place);
      return bounded(Kind::String, schema, "minLength", "maxLength", JsonSchema::kStringLength,
                     place);
    }
    if (type == "integer")
      return whole_number(schema, place);
    allow_only(schema, {"type"}, place);
    if (type == "number")
      return add({Kind::Number});
    if (type == "null")
      return literal("null");
    if (type != "boolean")
      refuse(place + "/type", "\"", type, "\" is not a type");
    Node node{Kind::AnyOf};
    node.children = {literal("true"), literal("false")};
    return add(std::move(node));
  }

  // A length that is between two keywords, or has our own upper bound.
  uint16_t bounded(Kind kind, const ordered_json &schema, const char *least, const char *most,
                   int64_t open_end, const std::string &place) {
    constexpr int64_t kLongest = 1'000'000;
    Node node{kind};
    node.least = integer(schema, least, 0, 0, kLongest, place);
    node.most = integer(schema, most, std::max(open_end, node.least), 0, kLongest, place);
    if (node.least > node.most)
      refuse(place + step(most), node.most, " is less than ", least, " ", node.least);
    return add(std::move(node));
  }

  uint16_t whole_number(const ordered_json &schema, const std::string &place) {
    allow_only(schema, {"type", "minimum", "maximum"}, place);
    Node node{Kind::Integer};
    const int64_t end = kLargestInteger;
    node.least = integer(schema, "minimum", -end, -end, end, place);
    node.most = integer(schema, "maximum", end, -end, end, place);
    if (node.least > node.most)
      refuse(place + "/maximum", node.most, " is less than minimum ", node.least);
    return add(std::move(node));
  }

  uint16_t array(const ordered_json &schema, const std::string &place, int depth) {
    allow_only(schema, {"type", "items", "minItems", "maxItems"}, place);
    if (!schema.contains("items"))
      refuse(place, "an array without items could hold anything");
    const uint16_t item = value(schema["items"], place + "/items", depth + 1);
    const uint16_t node =
        bounded(Kind::Array, schema, "minItems", "maxItems", JsonSchema::kItems, place);
    out_.nodes[node].children = {item};
    return node;
  }

  uint16_t object(const ordered_json &schema, const std::string &place, int depth) {
    allow_only(schema, {"type", "properties", "required", "additionalProperties"}, place);
    if (schema.contains("additionalProperties") && !schema["additionalProperties"].is_boolean())
      refuse(place + "/additionalProperties", "only true and false are supported");
    const ordered_json properties = schema.value("properties", ordered_json::object());
    if (!properties.is_object())
      refuse(place + "/properties", "is not an object");
    Node node{Kind::Object};
    for (const auto &[name, each] : properties.items()) {
      const uint16_t inner = value(each, place + "/properties" + step(name), depth + 1);
      node.members.push_back({literal(ordered_json(name).dump() + ":"), inner, false});
    }
    require(schema, properties, node, place);
    return add(std::move(node));
  }

  void require(const ordered_json &schema, const ordered_json &properties, Node &node,
               const std::string &place) {
    const ordered_json required = schema.value("required", ordered_json::array());
    if (!required.is_array())
      refuse(place + "/required", "is not a list of names");
    for (const ordered_json &name : required) {
      const auto found =
          name.is_string() ? properties.find(name.get<std::string>()) : properties.end();
      if (found == properties.end())
        refuse(place + "/required", name.dump(), " is none of the properties");
      node.members[static_cast<size_t>(std::distance(properties.begin(), found))].required = true;
    }
  }

  JsonSchema &out_;
};

// Before recursion of the parser's own destructors could go deep.
void check_nesting(std::string_view text) {
  constexpr int kMostBrackets = 200;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == '{' || text[i] == '['))
      depth += 1;
    else if (!quoted && (text[i] == '}' || text[i] == ']'))
      depth -= 1;
    if (depth > kMostBrackets)
      refuse("", "has more than ", kMostBrackets, " brackets inside each other");
  }
}

} // namespace

JsonSchema JsonSchema::parse(std::string_view text) {
  if (text.size() > kMostBytes)
    refuse("", "has ", text.size(), " bytes, the most are ", kMostBytes);
  check_nesting(text);
  JsonSchema out;
  try {
    const ordered_json schema = ordered_json::parse(text);
    Compiler compiler(out);
    Node start{Kind::Start};
    start.children = {compiler.value(schema, "", 1)};
    out.root = compiler.add(std::move(start));
  } catch (const nlohmann::json::parse_error &error) {
    refuse("", "is not JSON (", error.what(), ")");
  }
  return out;
}

} // namespace vlm
