// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vlm {

/// Vocabulary and merges of a tokenizer.json: characters of a word are joined pair by pair, the
/// earliest rule first. With an "end_of_word_suffix" the last character of every word carries it.
/// Time is n log n in the length of a word.
class Bpe {
public:
  /// `model` is the file's "model". Error(Format | Unsupported) naming `path`.
  Bpe(const nlohmann::json &model, const std::string &path) : Bpe(model, path, path) {}
  /// Of merges that lie in a file of their own.
  Bpe(const nlohmann::json &model, const std::string &path, const std::string &merges_path);
  Bpe(const Bpe &) = delete; // pieces_ points into ids_
  Bpe &operator=(const Bpe &) = delete;

  /// Appends the ids of `word` (valid UTF-8) to `ids`.
  void encode(std::string_view word, std::vector<int64_t> &ids) const;

  std::optional<int64_t> id(std::string_view piece) const;
  /// nullptr when no piece has this id.
  const std::string *piece(int64_t id) const;
  int64_t size() const { return static_cast<int64_t>(pieces_.size()); }

private:
  struct Rule {
    int32_t rank; // lower is applied first; below 2^24
    int32_t joined;
  };

  void read_vocabulary(const nlohmann::json &model, const std::string &path);
  void read_merges(const nlohmann::json &model, const std::string &path);
  std::vector<int32_t> characters(std::string_view word) const;
  std::optional<int32_t> first_piece(std::string_view character, bool last) const;
  bool append_bytes(std::string_view character, std::vector<int32_t> &out) const;

  std::unordered_map<std::string, int32_t> ids_;
  std::vector<const std::string *> pieces_;
  std::unordered_map<uint64_t, Rule> rules_; // key: left id, right id
  std::vector<int32_t> byte_ids_;            // of the pieces <0x00> to <0xFF>; empty: no fallback
  std::string end_of_word_;                  // empty: words have no marked end
  std::optional<int32_t> unknown_;
  bool fuse_unknown_ = false;
  bool ignore_merges_ = false;
};

} // namespace vlm
