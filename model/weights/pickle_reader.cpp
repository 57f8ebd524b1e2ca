// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/pickle_reader.h"

#include "model/core/error.h"
#include "model/core/utf8.h"

#include <algorithm>

namespace vlm {
namespace {

constexpr size_t max_values = 1000000; ///< on the stack, in the memo, and containers made

struct StorageName {
  const char *name;
  at::ScalarType dtype;
};
constexpr StorageName storages[] = {
    {"FloatStorage", at::kFloat},   {"HalfStorage", at::kHalf}, {"BFloat16Storage", at::kBFloat16},
    {"DoubleStorage", at::kDouble}, {"LongStorage", at::kLong}, {"IntStorage", at::kInt},
    {"ShortStorage", at::kShort},   {"CharStorage", at::kChar}, {"ByteStorage", at::kByte},
    {"BoolStorage", at::kBool},
};

/// Names of the opcodes that make objects or run code, for the message that refuses them.
const char *opcode_name(unsigned char opcode) {
  switch (opcode) {
  case 'i':
    return "INST";
  case 'o':
    return "OBJ";
  case 'P':
    return "PERSID";
  case 0x81:
    return "NEWOBJ";
  case 0x82:
  case 0x83:
  case 0x84:
    return "EXT";
  case 0x92:
    return "NEWOBJ_EX";
  default:
    return "unknown";
  }
}

PickleValue integer(int64_t value) {
  PickleValue out;
  out.kind = PickleValue::Kind::Int;
  out.number = value;
  return out;
}

/// A name from a hostile file, fit for a message.
std::string shown(std::string_view text) { return utf8_lossy(text.substr(0, 200)); }

} // namespace

template <typename... Parts> void PickleReader::wrong(const Parts &...parts) const {
  fail(ErrorCategory::Format, path_, ": pickle: ", parts...);
}

PickleValue PickleReader::read() {
  for (;;) {
    const auto opcode = static_cast<unsigned char>(take(1)[0]);
    if (opcode == '.')
      break;
    step(opcode);
  }
  const PickleValue out = pop();
  if (!stack_.empty())
    wrong("values are left over at its end");
  return out;
}

void PickleReader::step(unsigned char opcode) {
  if (!step_constant(opcode) && !step_container(opcode) && !step_memo(opcode))
    step_call(opcode);
}

bool PickleReader::step_constant(unsigned char opcode) {
  PickleValue value;
  switch (opcode) {
  case 0x80: // PROTO
    if (const uint64_t version = number(1); version < 2 || version > 5)
      wrong("protocol ", version, " is not supported");
    return true;
  case 0x95: // FRAME: its length is of no use here
    take(8);
    return true;
  case 'N':
    break;
  case 0x88:
  case 0x89:
    value.kind = Kind::Bool;
    value.number = opcode == 0x88;
    break;
  case 'J':
    value = integer(static_cast<int32_t>(number(4)));
    break;
  case 'K':
    value = integer(static_cast<int64_t>(number(1)));
    break;
  case 'M':
    value = integer(static_cast<int64_t>(number(2)));
    break;
  case 0x8a: // LONG1
    long_number();
    return true;
  case 'G': // BINFLOAT
    take(8);
    value.kind = Kind::Float;
    break;
  case 'X':  // BINUNICODE
  case 0x8c: // SHORT_BINUNICODE
  case 0x8d: // BINUNICODE8
    value.kind = Kind::Text;
    value.text = take(number(opcode == 'X' ? 4 : opcode == 0x8c ? 1 : 8));
    break;
  default:
    return false;
  }
  push(value);
  return true;
}

bool PickleReader::step_container(unsigned char opcode) {
  switch (opcode) {
  case '(': {
    PickleValue mark;
    mark.kind = Kind::Mark;
    push(mark);
    return true;
  }
  case ')':
    push_items(Kind::Tuple, stack_.size());
    return true;
  case ']':
    push_items(Kind::List, stack_.size());
    return true;
  case '}':
    push_items(Kind::Dict, stack_.size());
    return true;
  case 't':
    push_items(Kind::Tuple, pop_mark());
    return true;
  case 0x85: // TUPLE1, TUPLE2, TUPLE3
  case 0x86:
  case 0x87:
    if (const size_t count = opcode - 0x84u; stack_.size() >= count)
      push_items(Kind::Tuple, stack_.size() - count);
    else
      wrong("stack underflow");
    return true;
  case 's': // SETITEM
    set_items(stack_.size() - std::min<size_t>(stack_.size(), 2));
    return true;
  case 'u': // SETITEMS
    set_items(pop_mark());
    return true;
  case 'a': // APPEND
    append_items(stack_.size() - std::min<size_t>(stack_.size(), 1));
    return true;
  case 'e': // APPENDS
    append_items(pop_mark());
    return true;
  default:
    return false;
  }
}

bool PickleReader::step_memo(unsigned char opcode) {
  switch (opcode) {
  case 'q':
    memoize(number(1));
    return true;
  case 'r':
    memoize(number(4));
    return true;
  case 0x94: // MEMOIZE
    memoize(memo_.size());
    return true;
  case 'h':
    recall(number(1));
    return true;
  case 'j':
    recall(number(4));
    return true;
  default:
    return false;
  }
}

void PickleReader::step_call(unsigned char opcode) {
  switch (opcode) {
  case 'c': { // GLOBAL
    const std::string_view module = line();
    return push_global(module, line());
  }
  case 0x93: { // STACK_GLOBAL
    const PickleValue name = pop(Kind::Text, "a global's name");
    return push_global(pop(Kind::Text, "a global's module").text, name.text);
  }
  case 'R':
    return reduce();
  case 'Q': // BINPERSID
    return persistent_id();
  case 'b':
    return build();
  default:
    refuse(opcode);
  }
}

void PickleReader::refuse(unsigned char opcode) {
  if (opcode == 'i') {
    const std::string_view module = line();
    wrong("refuses global ", shown(module), ".", shown(line()), " (opcode INST)");
  }
  wrong("refuses opcode ", static_cast<int>(opcode), " (", opcode_name(opcode), ") at byte ",
        at_ - 1);
}

std::string_view PickleReader::take(uint64_t length) {
  if (length > bytes_.size() - at_)
    wrong("ends too early");
  at_ += length;
  return bytes_.substr(at_ - length, length);
}

std::string_view PickleReader::line() {
  const size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos)
    wrong("ends too early");
  const std::string_view out = take(end - at_);
  take(1);
  return out;
}

uint64_t PickleReader::number(int width) {
  const std::string_view digits = take(static_cast<uint64_t>(width));
  uint64_t value = 0;
  for (int i = width; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(digits[static_cast<size_t>(i)]);
  return value;
}

void PickleReader::long_number() {
  const int width = static_cast<int>(number(1));
  if (width > 8)
    wrong("a number has ", width, " bytes");
  uint64_t value = number(width);
  if (width > 0 && width < 8 && value >> (8 * width - 1)) // sign extension
    value |= ~uint64_t{0} << (8 * width);
  push(integer(static_cast<int64_t>(value)));
}

void PickleReader::push(PickleValue value) {
  if (stack_.size() >= max_values)
    wrong("holds too many values");
  stack_.push_back(value);
}

/// Makes a container of everything on the stack from `first` on.
void PickleReader::push_items(Kind kind, size_t first) {
  if (pool_.size() >= max_values)
    wrong("holds too many values");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(first);
  if (std::any_of(begin, stack_.end(), [](const auto &item) { return item.kind == Kind::Mark; }))
    wrong("has a stray mark");
  PickleValue value;
  value.kind = kind;
  value.items = &pool_.emplace_back(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  push(value);
}

PickleValue PickleReader::pop() {
  if (stack_.empty())
    wrong("stack underflow");
  const PickleValue value = stack_.back();
  if (value.kind == Kind::Mark)
    wrong("has a stray mark");
  stack_.pop_back();
  return value;
}

PickleValue PickleReader::pop(Kind kind, const char *what) {
  const PickleValue value = pop();
  if (value.kind != kind)
    wrong(what, " has the wrong type");
  return value;
}

/// Removes the topmost mark; returns the position of what stood behind it.
size_t PickleReader::pop_mark() {
  for (size_t i = stack_.size(); i-- > 0;) {
    if (stack_[i].kind == Kind::Mark) {
      stack_.erase(stack_.begin() + static_cast<std::ptrdiff_t>(i));
      return i;
    }
  }
  wrong("lacks a mark");
}

void PickleReader::append_items(size_t first) {
  if (first == 0 || stack_[first - 1].kind != Kind::List)
    wrong("appends to something that is no list");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(first);
  std::vector<PickleValue> &list = *stack_[first - 1].items;
  list.insert(list.end(), begin, stack_.end());
  stack_.erase(begin, stack_.end());
}

void PickleReader::set_items(size_t first) {
  if (first == 0 || stack_[first - 1].kind != Kind::Dict || (stack_.size() - first) % 2 != 0)
    wrong("sets an item of something that is no dictionary");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(first);
  std::vector<PickleValue> &dict = *stack_[first - 1].items;
  dict.insert(dict.end(), begin, stack_.end());
  stack_.erase(begin, stack_.end());
}

void PickleReader::memoize(uint64_t index) {
  if (index >= max_values)
    wrong("memo index ", index, " is too large");
  if (stack_.empty() || stack_.back().kind == Kind::Mark)
    wrong("stack underflow");
  if (index >= memo_.size())
    memo_.resize(index + 1);
  memo_[index] = stack_.back();
}

void PickleReader::recall(uint64_t index) {
  if (index >= memo_.size())
    wrong("memo index ", index, " was never set");
  push(memo_[index]);
}

void PickleReader::push_global(std::string_view module, std::string_view name) {
  PickleValue value;
  if (module == "collections" && name == "OrderedDict") {
    value.kind = Kind::OrderedDictClass;
    return push(value);
  }
  if (module == "torch._utils" && name == "_rebuild_tensor_v2") {
    value.kind = Kind::RebuildTensor;
    return push(value);
  }
  if (module == "torch._utils" && name == "_rebuild_parameter") {
    value.kind = Kind::RebuildParameter;
    return push(value);
  }
  if (module == "torch") {
    for (const StorageName &storage : storages) {
      if (name == storage.name) {
        value.kind = Kind::StorageClass;
        value.dtype = storage.dtype;
        return push(value);
      }
    }
  }
  wrong("refuses global ", shown(module), ".", shown(name));
}

void PickleReader::reduce() {
  const PickleValue arguments = pop(Kind::Tuple, "the arguments of a call");
  const std::vector<PickleValue> &items = *arguments.items;
  const PickleValue callee = pop();
  switch (callee.kind) {
  case Kind::OrderedDictClass:
    if (!items.empty())
      wrong("calls OrderedDict with arguments");
    return push_items(Kind::Dict, stack_.size());
  case Kind::RebuildTensor:
    return push(rebuild_tensor(arguments));
  case Kind::RebuildParameter:
    if (items.size() != 3 || items[0].kind != Kind::Tensor)
      wrong("makes a parameter of something that is no tensor");
    return push(items[0]);
  default:
    wrong("calls something that is no function at byte ", at_ - 1);
  }
}

/// Arguments: storage, offset, sizes, strides, requires_grad, hooks.
PickleValue PickleReader::rebuild_tensor(const PickleValue &tuple) const {
  const std::vector<PickleValue> &arguments = *tuple.items;
  const auto integers = [](const PickleValue &value) {
    return value.kind == Kind::Tuple &&
           std::all_of(value.items->begin(), value.items->end(),
                       [](const PickleValue &item) { return item.kind == Kind::Int; });
  };
  if (arguments.size() != 6 || arguments[0].kind != Kind::Storage ||
      arguments[1].kind != Kind::Int || !integers(arguments[2]) || !integers(arguments[3]) ||
      arguments[4].kind != Kind::Bool || arguments[5].kind != Kind::Dict)
    wrong("makes a tensor with wrong arguments at byte ", at_ - 1);
  PickleValue tensor = arguments[0];
  tensor.kind = Kind::Tensor;
  tensor.items = tuple.items;
  return tensor;
}

/// ("storage", class, name, device, elements)
void PickleReader::persistent_id() {
  const PickleValue id = pop(Kind::Tuple, "a persistent id");
  const std::vector<PickleValue> &items = *id.items;
  if (items.size() != 5 || items[0].kind != Kind::Text || items[0].text != "storage" ||
      items[1].kind != Kind::StorageClass || items[2].kind != Kind::Text ||
      items[3].kind != Kind::Text || items[4].kind != Kind::Int)
    wrong("a persistent id is no storage at byte ", at_ - 1);
  PickleValue storage;
  storage.kind = Kind::Storage;
  storage.dtype = items[1].dtype;
  storage.text = items[2].text;
  storage.number = items[4].number;
  push(storage);
}

/// Attributes of an object. Only `_metadata` of a state dictionary is known, and of no use here.
void PickleReader::build() {
  const PickleValue state = pop(Kind::Dict, "an object's state");
  if (stack_.empty() || stack_.back().kind != Kind::Dict)
    wrong("sets attributes of something that is no dictionary");
  for (size_t i = 0; i < state.items->size(); i += 2) {
    const PickleValue &key = (*state.items)[i];
    if (key.kind != Kind::Text || key.text != "_metadata")
      wrong("sets attribute ", key.kind == Kind::Text ? shown(key.text) : "of unknown name");
  }
}

} // namespace vlm
