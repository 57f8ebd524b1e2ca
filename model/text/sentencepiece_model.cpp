// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/sentencepiece_model.h"

#include "model/core/error.h"
#include "model/core/utf8.h"
#include "model/text/byte_level.h"
#include "model/text/protobuf.h"
#include "model/text/text_steps.h"

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

constexpr std::string_view kUnknownText = " \xE2\x81\x87 ";
constexpr uint64_t kBpe = 2; // of the format's model types

[[noreturn]] void unsupported(const std::string &path, const char *what) {
  fail(ErrorCategory::Unsupported, path, ": ", what, " is not supported");
}

// Every byte that belongs to no character becomes U+FFFD.
std::string text_of_bytes(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t valid = utf8_valid_prefix(bytes);
    out += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (bytes.empty())
      break;
    out += "\xEF\xBF\xBD";
    bytes.remove_prefix(1);
  }
  return out;
}

// Normalisation: only the identity, with spaces as underlines.
bool read_normalizer(std::string_view bytes, const std::string &path) {
  bool dummy_prefix = true, remove_spaces = true, escape_spaces = true;
  ProtobufReader reader(bytes, path);
  while (reader.next())
    switch (reader.field()) {
    case 2:
      if (!reader.bytes().empty())
        unsupported(path, "a normalisation other than \"identity\"");
      break;
    case 3:
      dummy_prefix = reader.boolean();
      break;
    case 4:
      remove_spaces = reader.boolean();
      break;
    case 5:
      escape_spaces = reader.boolean();
      break;
    }
  if (remove_spaces)
    unsupported(path, "remove_extra_whitespaces");
  if (!escape_spaces)
    unsupported(path, "escape_whitespaces false");
  return dummy_prefix;
}

} // namespace

SentencePieceModel::SentencePieceModel(std::string_view bytes, const std::string &path) {
  read(bytes, path);
  index(path);
}

void SentencePieceModel::read(std::string_view bytes, const std::string &path) {
  uint64_t model_type = 1; // unigram
  bool normalizer = false;
  ProtobufReader reader(bytes, path);
  while (reader.next()) {
    if (reader.field() == 1) {
      read_piece(reader.bytes(), path);
    } else if (reader.field() == 2) {
      ProtobufReader trainer(reader.bytes(), path);
      while (trainer.next())
        if (trainer.field() == 3)
          model_type = trainer.integer();
        else if (trainer.field() == 24 && trainer.boolean())
          unsupported(path, "treat_whitespace_as_suffix");
        else if (trainer.field() == 35)
          byte_fallback_ = trainer.boolean();
    } else if (reader.field() == 3) {
      dummy_prefix_ = read_normalizer(reader.bytes(), path);
      normalizer = true;
    }
  }
  if (pieces_.empty())
    fail(ErrorCategory::Format, path, ": no SentencePiece model: it has no pieces");
  if (model_type != kBpe)
    unsupported(path, "a SentencePiece model other than BPE");
  if (!normalizer)
    fail(ErrorCategory::Format, path, ": it has no normalizer_spec");
}

void SentencePieceModel::read_piece(std::string_view bytes, const std::string &path) {
  Piece piece;
  ProtobufReader reader(bytes, path);
  while (reader.next())
    if (reader.field() == 1)
      piece.text = reader.bytes();
    else if (reader.field() == 2)
      piece.score = reader.real();
    else if (reader.field() == 3)
      piece.kind = static_cast<Kind>(reader.integer());
  if (piece.text.empty() || !utf8_valid(piece.text) || !std::isfinite(piece.score) ||
      (piece.kind == Kind::Byte && !byte_of_piece(piece.text)))
    fail(ErrorCategory::Format, path, ": piece ", pieces_.size(), " is empty or broken");
  if (piece.kind < Kind::Normal || piece.kind > Kind::Byte || piece.kind == Kind::Unused)
    unsupported(path, ("the kind of piece \"" + piece.text + "\"").c_str());
  pieces_.push_back(std::move(piece));
}

void SentencePieceModel::index(const std::string &path) {
  std::vector<AddedToken> user_defined;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece &piece = pieces_[i];
    const auto id = static_cast<int32_t>(i);
    if (!ids_.emplace(piece.text, id).second)
      fail(ErrorCategory::Format, path, ": piece \"", piece.text, "\" occurs twice");
    if (piece.kind == Kind::Unknown)
      unknown_ = id;
    AddedToken symbol;
    symbol.content = piece.text;
    symbol.id = id;
    if (piece.kind == Kind::UserDefined)
      user_defined.push_back(symbol);
  }
  user_defined_ = AddedTokenSplitter(std::move(user_defined));
  if (unknown_ < 0)
    fail(ErrorCategory::Format, path, ": no piece is of the kind \"unknown\"");
  for (int byte = 0; byte_fallback_ && byte < 256; ++byte) {
    const std::string piece = byte_piece(static_cast<unsigned char>(byte));
    const auto found = ids_.find(piece);
    if (found == ids_.end() || pieces_[found->second].kind != Kind::Byte)
      fail(ErrorCategory::Format, path, ": byte fallback lacks the piece ", piece);
    byte_ids_.push_back(found->second);
  }
}

std::optional<int64_t> SentencePieceModel::id(std::string_view piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

std::optional<std::string> SentencePieceModel::bytes(int64_t id) const {
  const Piece &piece = pieces_[static_cast<size_t>(id)];
  if (piece.kind == Kind::Byte)
    return std::string(1, static_cast<char>(*byte_of_piece(piece.text)));
  if (piece.kind == Kind::Control || piece.kind == Kind::Unknown)
    return {};
  return replace_all(piece.text, kUnderline, " ");
}

// User-defined pieces, and the characters of the text between them. Characters without a piece have
// the id of the unknown one.
std::vector<MergeSymbol> SentencePieceModel::characters(std::string_view text) const {
  std::vector<MergeSymbol> symbols;
  for (auto part : user_defined_.split(text)) {
    if (part.id >= 0) {
      symbols.push_back({static_cast<int32_t>(part.id), part.text});
      continue;
    }
    while (!part.text.empty()) {
      const std::string_view character = part.text.substr(0, character_length(part.text[0]));
      const auto found = ids_.find(character);
      const bool normal = found != ids_.end() && pieces_[found->second].kind == Kind::Normal;
      symbols.push_back({normal ? found->second : unknown_, character});
      part.text.remove_prefix(character.size());
    }
  }
  return symbols;
}

std::vector<int64_t> SentencePieceModel::encode(std::string_view text, bool dummy_prefix) const {
  if (text.empty())
    return {};
  const std::string normalized =
      (dummy_prefix ? std::string(kUnderline) : "") + replace_all(text, " ", kUnderline);
  const auto lookup = [&](const MergeSymbol &left,
                          const MergeSymbol &right) -> std::optional<MergeResult> {
    const auto frozen = [&](const MergeSymbol &symbol) {
      return pieces_[symbol.id].kind == Kind::UserDefined;
    };
    if (frozen(left) || frozen(right))
      return {};
    const auto found = ids_.find({left.text.data(), left.text.size() + right.text.size()});
    if (found == ids_.end() || pieces_[found->second].kind != Kind::Normal)
      return {};
    return MergeResult{pieces_[found->second].score, found->second};
  };
  std::vector<int64_t> ids;
  bool after_unknown = false;
  for (const MergeSymbol &symbol : merge_pairs(characters(normalized), lookup)) {
    const bool unknown = symbol.id == unknown_;
    if (unknown && byte_fallback_)
      for (const char byte : symbol.text)
        ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
    else if (!unknown || !after_unknown) // unknown neighbours are one
      ids.push_back(symbol.id);
    after_unknown = unknown;
  }
  return ids;
}

std::string SentencePieceModel::decode(const std::vector<std::string> &pieces,
                                       bool dummy_prefix) const {
  std::string out, bytes;
  bool at_start = true; // the space of a dummy prefix may still come
  const auto flush = [&] {
    out += text_of_bytes(bytes);
    bytes.clear();
  };
  for (const std::string &piece : pieces) {
    const auto found = ids_.find(piece);
    const Kind kind = found == ids_.end() ? Kind::Normal : pieces_[found->second].kind;
    if (kind == Kind::Byte) {
      bytes += static_cast<char>(*byte_of_piece(piece));
      continue;
    }
    flush();
    at_start = at_start && out.empty();
    std::string_view text = piece;
    if (kind == Kind::Control)
      text = {};
    else if (kind == Kind::Unknown)
      text = kUnknownText;
    else if (at_start && dummy_prefix && found != ids_.end() &&
             text.substr(0, kUnderline.size()) == kUnderline) {
      text.remove_prefix(kUnderline.size());
      at_start = false;
    }
    out += found == ids_.end() ? std::string(text) : replace_all(text, kUnderline, " ");
  }
  flush();
  return out;
}

} // namespace vlm
