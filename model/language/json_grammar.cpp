// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/json_grammar.h"

#include <algorithm>
#include <cstdlib>

namespace vlm {
namespace {

using Kind = JsonSchema::Kind;
using Frame = JsonGrammar::Frame;

// Phases of a value; each kind uses those that it needs.
enum Phase : uint16_t {
  kBegin,   // nothing was written
  kFirst,   // behind the opening bracket
  kInside,  // a value inside is being written, or was
  kComma,   // another must follow
  kKey,     // Object: a key is being written
  kEscape,  // String: behind a backslash
  kSign,    // Integer, Number: behind the minus
  kZero,    // Integer, Number: no digit may follow
  kDigits,  // Integer, Number
  kPoint,   // Number: a digit must follow
  kDecimals // Number
};

bool is_digit(unsigned char byte) { return byte >= '0' && byte <= '9'; }

// What may continue a character of UTF-8: how many bytes are missing, and between which two values
// the next one lies.
int64_t continuation(int missing, int least, int most) {
  return (missing << 16) | (least << 8) | most;
}

// 0 for a character of one byte, -1 for a byte that begins none.
int64_t character_start(unsigned char byte) {
  if (byte < 0x80)
    return 0;
  if (byte < 0xC2 || byte > 0xF4)
    return -1;
  if (byte < 0xE0)
    return continuation(1, 0x80, 0xBF);
  if (byte < 0xF0) // neither overlong nor a surrogate
    return continuation(2, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF);
  return continuation(3, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF);
}

// -1 when the byte does not continue the character.
int64_t character_next(int64_t expected, unsigned char byte) {
  if (byte < ((expected >> 8) & 0xFF) || byte > (expected & 0xFF))
    return -1;
  const int missing = static_cast<int>(expected >> 16) - 1;
  return missing ? continuation(missing, 0x80, 0xBF) : 0;
}

// Whether `digits` followed by up to `room` more digits can become a number between the two.
bool can_reach(int64_t digits, int room, int64_t least, int64_t most) {
  int64_t low = digits, high = digits;
  for (int i = 0; i <= room; ++i) {
    if (low <= most && high >= least)
      return true;
    if (digits == 0)
      return false; // nothing follows a zero
    low *= 10;
    high = high * 10 + 9;
  }
  return false;
}

bool equal(const JsonGrammar::Thread &a, const JsonGrammar::Thread &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Frame &x, const Frame &y) {
    return x.node == y.node && x.phase == y.phase && x.count == y.count && x.value == y.value;
  });
}

// Two ways to read a value are one again behind it.
void add_once(const JsonGrammar::Thread &thread, JsonGrammar::State &out) {
  if (std::none_of(out.begin(), out.end(), [&](const auto &each) { return equal(each, thread); }))
    out.push_back(thread);
}

} // namespace

JsonGrammar::Thread &JsonGrammar::Thread::operator=(const Thread &other) {
  size_ = other.size_;
  std::copy(other.begin(), other.end(), frames_.begin());
  return *this;
}

JsonGrammar::State JsonGrammar::start() const {
  State out;
  open(Thread(), schema_.root, out);
  return out;
}

void JsonGrammar::advance(const State &from, unsigned char byte, State &to) const {
  to.clear();
  for (const Thread &thread : from)
    feed(thread, byte, to);
}

bool JsonGrammar::complete(const State &state) const {
  return std::any_of(state.begin(), state.end(), [this](const Thread &t) { return may_end(t); });
}

bool JsonGrammar::finished(const State &state) const {
  return !state.empty() &&
         std::all_of(state.begin(), state.end(), [](const Thread &t) { return t.empty(); });
}

// A number ends where something else follows, or nothing.
bool JsonGrammar::may_end(Thread thread) const {
  while (!thread.empty() && number_may_end(thread.top()))
    thread.pop();
  return thread.empty();
}

bool JsonGrammar::number_may_end(const Frame &frame) const {
  const Node &number = node(frame);
  if (number.kind == Kind::Number)
    return frame.phase == kZero || frame.phase == kDigits || frame.phase == kDecimals;
  return number.kind == Kind::Integer && (frame.phase == kZero || frame.phase == kDigits) &&
         frame.value >= number.least && frame.value <= number.most;
}

std::string JsonGrammar::key(const State &state, int64_t reach) const {
  std::string out;
  const auto put = [&out](const auto &value) {
    out.append(reinterpret_cast<const char *>(&value), sizeof value);
  };
  for (const Thread &thread : state) {
    for (const Frame &frame : thread) {
      put(frame.node);
      put(frame.phase);
      put(frame.value);
      if (node(frame).kind != Kind::String) {
        put(frame.count);
        continue;
      }
      put(std::min(node(frame).most - frame.count, reach));
      put(std::clamp<int64_t>(node(frame).least - frame.count, 0, reach));
    }
    out += '|';
  }
  return out;
}

// A value begins.
void JsonGrammar::open(Thread thread, uint16_t index, State &out) const {
  const Node &value = schema_.nodes[index];
  if (value.kind == Kind::AnyOf) {
    for (const uint16_t each : value.children)
      open(thread, each, out);
    return;
  }
  thread.push({index, kBegin, 0, 0});
  out.push_back(thread);
}

// The value on top is over.
void JsonGrammar::close(Thread thread, State &out) const {
  thread.pop();
  if (!thread.empty() && thread.top().phase == kKey) {
    Frame &object = thread.top();
    object.phase = kInside;
    open(thread, node(object).members[static_cast<size_t>(object.count) - 1].value, out);
    return;
  }
  add_once(thread, out);
}

void JsonGrammar::feed(const Thread &thread, unsigned char byte, State &out) const {
  if (thread.empty())
    return;
  const Frame &top = *(thread.end() - 1);
  switch (node(top).kind) {
  case Kind::Start: {
    Thread inside = thread;
    inside.pop();
    if (byte == ' ' && top.phase == kBegin) {
      inside.push({top.node, kInside, 0, 0});
      out.push_back(inside);
    } else {
      feed_into(inside, node(top).children[0], byte, out);
    }
    return;
  }
  case Kind::Literal:
    return feed_literal(thread, byte, out);
  case Kind::String:
    return feed_string(thread, byte, out);
  case Kind::Integer:
    return feed_integer(thread, byte, out);
  case Kind::Number:
    return feed_number(thread, byte, out);
  case Kind::Array:
    return feed_array(thread, byte, out);
  case Kind::Object:
    return feed_object(thread, byte, out);
  case Kind::AnyOf:
    return; // never on a thread
  }
}

// The first byte of a value.
void JsonGrammar::feed_into(const Thread &thread, uint16_t index, unsigned char byte,
                            State &out) const {
  State opened;
  open(thread, index, opened);
  for (const Thread &each : opened)
    feed(each, byte, out);
}

void JsonGrammar::feed_literal(Thread thread, unsigned char byte, State &out) const {
  Frame &frame = thread.top();
  const std::string &text = node(frame).text;
  if (static_cast<unsigned char>(text[static_cast<size_t>(frame.count)]) != byte)
    return;
  if (static_cast<size_t>(++frame.count) == text.size())
    close(thread, out);
  else
    out.push_back(thread);
}

void JsonGrammar::feed_string(Thread thread, unsigned char byte, State &out) const {
  Frame &frame = thread.top();
  const Node &string = node(frame);
  const bool between = frame.phase == kInside && frame.value == 0; // two characters
  if (frame.phase == kBegin) {
    if (byte != '"')
      return;
    frame.phase = kInside;
  } else if (frame.phase == kEscape) {
    if (std::string_view("\"\\/bfnrt").find(static_cast<char>(byte)) == std::string_view::npos)
      return;
    frame.phase = kInside;
  } else if (!between) {
    frame.value = character_next(frame.value, byte);
  } else if (byte == '"') {
    if (frame.count >= string.least)
      close(thread, out);
    return;
  } else {
    frame.value = byte < 0x20 || frame.count >= string.most ? -1 : character_start(byte);
    frame.phase = byte == '\\' ? kEscape : kInside;
    ++frame.count;
  }
  if (frame.value >= 0)
    out.push_back(thread);
}

void JsonGrammar::feed_integer(Thread thread, unsigned char byte, State &out) const {
  Frame &frame = thread.top();
  const Node &number = node(frame);
  if (frame.phase == kBegin && byte == '-') {
    frame.phase = kSign;
    if (number.least < 0)
      out.push_back(thread);
    return;
  }
  const bool negative = frame.phase == kSign || frame.value < 0;
  if (!is_digit(byte) || frame.phase == kZero || (frame.phase == kSign && byte == '0'))
    return feed_next(thread, byte, out);
  // By absolute value: digits are added to it.
  const int64_t value = std::abs(frame.value) * 10 + (byte - '0');
  const int room = static_cast<int>(JsonSchema::kDigits) - ++frame.count;
  const int64_t least = negative ? -number.most : number.least;
  const int64_t most = negative ? -number.least : number.most;
  if (room < 0 || !can_reach(value, room, std::max<int64_t>(least, negative), most))
    return;
  frame.value = negative ? -value : value;
  frame.phase = value == 0 ? kZero : kDigits;
  out.push_back(thread);
}

void JsonGrammar::feed_number(Thread thread, unsigned char byte, State &out) const {
  Frame &frame = thread.top();
  const bool whole = frame.phase == kZero || frame.phase == kDigits;
  if (frame.phase == kBegin && byte == '-') {
    frame.phase = kSign;
  } else if (whole && byte == '.') {
    frame.phase = kPoint;
    frame.count = 0;
  } else if (!is_digit(byte) || frame.phase == kZero) {
    return feed_next(thread, byte, out);
  } else {
    if (++frame.count > JsonSchema::kDigits)
      return;
    const bool leading = frame.phase == kBegin || frame.phase == kSign;
    if (leading)
      frame.phase = byte == '0' ? kZero : kDigits;
    else if (frame.phase == kPoint)
      frame.phase = kDecimals;
  }
  out.push_back(thread);
}

// The byte is not the number's: it may end before it.
void JsonGrammar::feed_next(Thread thread, unsigned char byte, State &out) const {
  if (!number_may_end(thread.top()))
    return;
  thread.pop();
  feed(thread, byte, out);
}

void JsonGrammar::feed_array(Thread thread, unsigned char byte, State &out) const {
  Frame &frame = thread.top();
  const Node &array = node(frame);
  if (frame.phase == kBegin) {
    frame.phase = kFirst;
    if (byte == '[')
      out.push_back(thread);
    return;
  }
  if (byte == ']' && frame.phase != kComma) {
    if (frame.count >= array.least)
      close(thread, out);
    return;
  }
  if (frame.phase == kInside) {
    frame.phase = kComma;
    if (byte == ',' && frame.count < array.most)
      add_once(thread, out);
    return;
  }
  frame.phase = kInside;
  if (++frame.count <= array.most)
    feed_into(thread, array.children[0], byte, out);
}

void JsonGrammar::feed_object(Thread thread, unsigned char byte, State &out) const {
  Frame &frame = thread.top();
  const std::vector<JsonSchema::Member> &members = node(frame).members;
  const auto next = members.begin() + frame.count;
  if (frame.phase == kBegin) {
    frame.phase = kFirst;
    if (byte == '{')
      out.push_back(thread);
    return;
  }
  if (byte == '}' && frame.phase != kComma) {
    if (std::none_of(next, members.end(), [](const auto &each) { return each.required; }))
      close(thread, out);
    return;
  }
  if (frame.phase != kInside)
    return feed_keys(thread, byte, out);
  frame.phase = kComma;
  if (byte == ',' && next != members.end())
    add_once(thread, out);
}

// The key of any member up to the next that is required.
void JsonGrammar::feed_keys(const Thread &thread, unsigned char byte, State &out) const {
  const Frame &object = *(thread.end() - 1);
  const std::vector<JsonSchema::Member> &members = node(object).members;
  for (size_t i = static_cast<size_t>(object.count); i < members.size(); ++i) {
    Thread chosen = thread;
    chosen.top().phase = kKey;
    chosen.top().count = static_cast<int32_t>(i) + 1;
    feed_into(chosen, members[i].key, byte, out);
    if (members[i].required)
      return;
  }
}

} // namespace vlm
