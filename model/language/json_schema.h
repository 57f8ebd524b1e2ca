// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// A JSON Schema as a tree of what may be written. Understood are `type` (also several),
/// `properties` (written in this order), `required`, `additionalProperties` (true or false: none
/// are written), `items`, `minItems`, `maxItems`, `minLength`, `maxLength`, `minimum` and `maximum`
/// of integers, `enum`, `const` and `anyOf`; annotations such as `title` and `description` say
/// nothing about the form. Every other keyword is refused, for it would be ignored. What a schema
/// leaves open has bounds, so that no answer runs away.
struct JsonSchema {
  static constexpr size_t kMostBytes = 64 * 1024;
  static constexpr int kDeepest = 16; ///< levels of values inside each other
  static constexpr int64_t kStringLength = 256, kItems = 64,
                           kDigits = 15; ///< where nothing is said

  enum class Kind : uint8_t { Start, Literal, String, Integer, Number, Array, Object, AnyOf };
  struct Member {
    uint16_t key; ///< a Literal: `"name":`
    uint16_t value;
    bool required;
  };
  struct Node {
    Kind kind;
    std::string text = {};               ///< Literal: compact JSON
    int64_t least = 0, most = 0;         ///< String: characters; Array: items; Integer: value
    std::vector<uint16_t> children = {}; ///< Start, Array: one; AnyOf: all
    std::vector<Member> members = {};    ///< Object
  };

  /// Error(Settings) naming json-schema, the place (a JSON pointer) and what is wrong there.
  static JsonSchema parse(std::string_view text);

  std::vector<Node> nodes;
  uint16_t root = 0; ///< the Start
};

} // namespace vlm
