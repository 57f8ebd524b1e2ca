// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/added_tokens.h"
#include "model/text/pair_merge.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vlm {

/// A SentencePiece model of the BPE kind with identity normalisation, as the Llama family has them:
/// what its library computes, read from the same file. The library itself cannot be used beside
/// libtorch: Debian's carries a protobuf of its own whose symbols replace those of the protobuf
/// that libtorch loads, and the process crashes before main().
class SentencePieceModel {
public:
  /// `bytes` is the content of `path`. Error(Format | Unsupported) naming `path`.
  SentencePieceModel(std::string_view bytes, const std::string &path);
  SentencePieceModel(const SentencePieceModel &) = delete; // the indices point into pieces_
  SentencePieceModel &operator=(const SentencePieceModel &) = delete;

  /// Whether the model asks for a space in front of every text.
  bool dummy_prefix() const { return dummy_prefix_; }
  /// Ids of valid UTF-8.
  std::vector<int64_t> encode(std::string_view text, bool dummy_prefix) const;
  /// Text of pieces; those that are not in the vocabulary stand for themselves.
  std::string decode(const std::vector<std::string> &pieces, bool dummy_prefix) const;

  int64_t size() const { return static_cast<int64_t>(pieces_.size()); }
  const std::string &piece(int64_t id) const { return pieces_[static_cast<size_t>(id)].text; }
  std::optional<int64_t> id(std::string_view piece) const;
  /// What a piece adds to the middle of a text; none if it is a control piece or the unknown one.
  std::optional<std::string> bytes(int64_t id) const;

private:
  enum class Kind { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    Kind kind = Kind::Normal;
  };

  void read(std::string_view bytes, const std::string &path);
  void read_piece(std::string_view bytes, const std::string &path);
  void index(const std::string &path);
  std::vector<MergeSymbol> characters(std::string_view text) const;

  std::vector<Piece> pieces_;
  std::unordered_map<std::string_view, int32_t> ids_;
  AddedTokenSplitter user_defined_;
  std::vector<int32_t> byte_ids_; // empty: no byte fallback
  int32_t unknown_ = -1;
  bool byte_fallback_ = false;
  bool dummy_prefix_ = true;
};

} // namespace vlm
