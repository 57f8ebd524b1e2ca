// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/bpe.h"

#include "model/core/error.h"
#include "model/text/byte_level.h"
#include "model/text/pair_merge.h"

#include <algorithm>
#include <utility>

namespace vlm {
namespace {

using nlohmann::json;

constexpr int64_t kMaxId = int64_t{1} << 22; // bounds what a broken file can make us allocate

uint64_t key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

template <typename T> T option(const json &model, const char *name, T otherwise) {
  const auto found = model.find(name);
  return found == model.end() || found->is_null() ? otherwise : found->template get<T>();
}

// Newer files write a rule as ["a","b"], older ones as "a b".
std::pair<std::string, std::string> sides(const json &merge, const std::string &path) {
  if (merge.is_array() && merge.size() == 2)
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  const std::string text = merge.get<std::string>();
  const size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
    fail(ErrorCategory::Format, path, ": merge \"", text, "\" is not two pieces");
  return {text.substr(0, space), text.substr(space + 1)};
}

} // namespace

Bpe::Bpe(const json &model, const std::string &path, const std::string &merges_path) {
  const std::string type = option<std::string>(model, "type", "BPE");
  if (type != "BPE")
    fail(ErrorCategory::Unsupported, path, ": tokenizer model \"", type, "\" (only BPE)");
  if (!option<std::string>(model, "continuing_subword_prefix", "").empty())
    fail(ErrorCategory::Unsupported, path, ": \"continuing_subword_prefix\" is not supported");
  end_of_word_ = option<std::string>(model, "end_of_word_suffix", "");
  read_vocabulary(model, path);
  read_merges(model, merges_path);
  fuse_unknown_ = option(model, "fuse_unk", false);
  ignore_merges_ = option(model, "ignore_merges", false);
}

void Bpe::read_vocabulary(const json &model, const std::string &path) {
  const auto &vocabulary = model.at("vocab").get_ref<const json::object_t &>();
  ids_.reserve(vocabulary.size());
  for (const auto &[piece, number] : vocabulary) {
    const int64_t id = number.is_number_integer() ? number.get<int64_t>() : -1;
    if (id < 0 || id >= kMaxId)
      fail(ErrorCategory::Format, path, ": piece \"", piece, "\" has the id ", number.dump(),
           ", must be a whole number from 0 to ", kMaxId - 1);
    if (id >= size())
      pieces_.resize(id + 1);
    if (pieces_[id])
      fail(ErrorCategory::Format, path, ": pieces \"", *pieces_[id], "\" and \"", piece,
           "\" share the id ", id);
    pieces_[id] = &ids_.emplace(piece, static_cast<int32_t>(id)).first->first;
  }
  const std::string unknown = option<std::string>(model, "unk_token", "");
  if (!unknown.empty()) {
    const auto found = ids_.find(unknown);
    if (found == ids_.end())
      fail(ErrorCategory::Format, path, ": unk_token \"", unknown, "\" is not in the vocabulary");
    unknown_ = found->second;
  }
  if (option(model, "byte_fallback", false)) {
    for (int byte = 0; byte < 256; ++byte) {
      const auto found = ids_.find(byte_piece(static_cast<unsigned char>(byte)));
      byte_ids_.push_back(found == ids_.end() ? -1 : found->second);
    }
  }
}

void Bpe::read_merges(const json &model, const std::string &path) {
  const auto &merges = model.at("merges").get_ref<const json::array_t &>();
  rules_.reserve(merges.size());
  int32_t rank = 0;
  for (const json &merge : merges) {
    const auto pieces = sides(merge, path);
    const auto known = [&](const std::string &piece) {
      const auto found = ids_.find(piece);
      if (found == ids_.end())
        fail(ErrorCategory::Format, path, ": merge ", rank, " (\"", pieces.first, "\" \"",
             pieces.second, "\") needs the piece \"", piece, "\", which the vocabulary lacks");
      return found->second;
    };
    const uint64_t pair = key(known(pieces.first), known(pieces.second));
    rules_[pair] = {rank, known(pieces.first + pieces.second)};
    ++rank;
  }
}

std::optional<int64_t> Bpe::id(std::string_view piece) const {
  const auto found = ids_.find(std::string(piece));
  return found == ids_.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

const std::string *Bpe::piece(int64_t id) const {
  return id >= 0 && id < size() ? pieces_[id] : nullptr;
}

void Bpe::encode(std::string_view word, std::vector<int64_t> &ids) const {
  if (ignore_merges_)
    if (const auto whole = id(word)) {
      ids.push_back(*whole);
      return;
    }
  std::vector<MergeSymbol> symbols;
  for (const int32_t id : characters(word))
    symbols.push_back({id, {}});
  const auto lookup = [this](const MergeSymbol &left,
                             const MergeSymbol &right) -> std::optional<MergeResult> {
    const auto found = rules_.find(key(left.id, right.id));
    if (found == rules_.end())
      return {};
    return MergeResult{-static_cast<float>(found->second.rank), found->second.joined};
  };
  for (const MergeSymbol &symbol : merge_pairs(symbols, lookup))
    ids.push_back(symbol.id);
}

bool Bpe::append_bytes(std::string_view character, std::vector<int32_t> &out) const {
  const auto byte_id = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (byte_ids_.empty() ||
      std::any_of(character.begin(), character.end(), [&](char byte) { return byte_id(byte) < 0; }))
    return false;
  for (const char byte : character)
    out.push_back(byte_id(byte));
  return true;
}

std::optional<int32_t> Bpe::first_piece(std::string_view character, bool last) const {
  const auto found = ids_.find(std::string(character) + (last ? end_of_word_ : ""));
  return found == ids_.end() ? std::nullopt : std::optional<int32_t>(found->second);
}

std::vector<int32_t> Bpe::characters(std::string_view word) const {
  std::vector<int32_t> out;
  bool after_unknown = false;
  while (!word.empty()) {
    const std::string_view character = word.substr(0, character_length(word[0]));
    word.remove_prefix(character.size());
    const std::optional<int32_t> piece = first_piece(character, word.empty());
    if (piece)
      out.push_back(*piece);
    const bool unknown = !piece && !append_bytes(character, out);
    if (unknown && unknown_ && !(fuse_unknown_ && after_unknown))
      out.push_back(*unknown_);
    after_unknown = unknown;
  }
  return out;
}

} // namespace vlm
