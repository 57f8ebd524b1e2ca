// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// What a pickle written by torch.save may hold. It is data only: nothing in it is ever called.
struct PickleValue {
  enum class Kind {
    None,
    Bool,
    Int,
    Float, // its number is not kept: no tensor needs it
    Text,
    Tuple,   // items
    List,    // items
    Dict,    // items: key, value, key, value, ...
    Storage, // dtype, text: name of the data, number: elements
    Tensor,  // items: storage, offset, tuple of sizes, tuple of strides
    OrderedDictClass,
    RebuildTensor,
    RebuildParameter,
    StorageClass, // dtype
    Mark,
  };
  Kind kind = Kind::None;
  at::ScalarType dtype = at::kFloat;
  int64_t number = 0;
  std::string_view text;                     ///< a part of the pickle's bytes
  std::vector<PickleValue> *items = nullptr; ///< owned by the reader; values may share it
};

/// A restricted unpickler. It knows the few opcodes and the few names that a state dictionary of
/// tensors needs; any other opcode, name or call is refused with Error(Format) that names the file
/// and the culprit. Containers live in one pool, so that no nesting and no cycle can hurt.
class PickleReader {
public:
  /// `bytes` and `path` must outlive the reader.
  PickleReader(const std::string &path, std::string_view bytes) : path_(path), bytes_(bytes) {}

  /// Runs the pickle. The value is valid as long as the reader lives. Call it once.
  PickleValue read();

private:
  using Kind = PickleValue::Kind;
  template <typename... Parts> [[noreturn]] void wrong(const Parts &...parts) const;

  void step(unsigned char opcode);
  bool step_constant(unsigned char opcode);
  bool step_container(unsigned char opcode);
  bool step_memo(unsigned char opcode);
  void step_call(unsigned char opcode);
  [[noreturn]] void refuse(unsigned char opcode);

  std::string_view take(uint64_t length);
  std::string_view line();
  uint64_t number(int width);
  void long_number();

  void push(PickleValue value);
  void push_items(Kind kind, size_t first);
  PickleValue pop();
  PickleValue pop(Kind kind, const char *what);
  size_t pop_mark();
  void set_items(size_t first);
  void append_items(size_t first);
  void memoize(uint64_t index);
  void recall(uint64_t index);

  void push_global(std::string_view module, std::string_view name);
  void reduce();
  PickleValue rebuild_tensor(const PickleValue &tuple) const;
  void persistent_id();
  void build();

  const std::string &path_;
  std::string_view bytes_;
  size_t at_ = 0;
  std::vector<PickleValue> stack_, memo_;
  std::deque<std::vector<PickleValue>> pool_;
};

} // namespace vlm
