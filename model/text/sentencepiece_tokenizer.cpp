// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/sentencepiece_tokenizer.h"

#include "model/core/error.h"
#include "model/core/mapped_file.h"
#include "model/core/utf8.h"
#include "model/text/sentencepiece_model.h"
#include "model/text/text_steps.h"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace vlm {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

class SentencePieceTokenizer : public Tokenizer {
public:
  SentencePieceTokenizer(const std::string &path, const TokenizerConfig &config);

  std::vector<int64_t> encode(std::string_view text) const override;
  std::string decode(const std::vector<int64_t> &ids, bool skip_special) const override;
  std::vector<std::string> special_tokens() const override {
    return {special_.begin(), special_.end()};
  }
  std::optional<std::string> bytes(int64_t id) const override;
  int64_t vocab_size() const override { return vocab_size_; }
  std::optional<int64_t> bos_id() const override { return id_of(config_.bos); }
  std::optional<int64_t> eos_id() const override { return id_of(config_.eos); }
  std::optional<int64_t> piece_id(std::string_view piece) const override;

private:
  void add_tokens(const std::string &path);
  std::vector<int64_t> encode_part(std::string_view text) const;
  std::optional<int64_t> id_of(const std::optional<std::string> &piece) const {
    return piece ? piece_id(*piece) : std::nullopt;
  }
  const std::string &piece(int64_t id) const;
  bool stands_apart(int64_t id) const;
  std::string join(std::vector<std::string> pieces) const;

  TokenizerConfig config_;
  SentencePieceModel model_;
  bool dummy_prefix_; // the reference switches it off unless `legacy`
  AddedTokenSplitter splitter_;
  std::unordered_map<int64_t, std::string> added_; // content by id
  std::unordered_map<std::string, int64_t> added_ids_;
  std::set<std::string> special_;
  std::string unknown_; // encoded in front of a text that begins with a space (not legacy) ...
  size_t unknown_length_ = 0; // ... and cut off again: so many pieces
  int64_t vocab_size_ = 0;
};

SentencePieceTokenizer::SentencePieceTokenizer(const std::string &path,
                                               const TokenizerConfig &config)
    : config_(config), model_(MappedFile(path).bytes(), path),
      dummy_prefix_(config.legacy && model_.dummy_prefix()) {
  add_tokens(path);
  unknown_ = config_.unk.value_or("<unk>");
  unknown_length_ = model_.encode(unknown_, dummy_prefix_).size();
}

void SentencePieceTokenizer::add_tokens(const std::string &path) {
  const std::vector<AddedToken> tokens = complete_added_tokens(
      config_.added, config_, [&](std::string_view piece) { return model_.id(piece); },
      model_.size(), path);
  vocab_size_ = model_.size();
  for (const AddedToken &token : tokens) {
    added_[token.id] = token.content;
    added_ids_[token.content] = token.id;
    vocab_size_ = std::max(vocab_size_, token.id + 1);
  }
  for (const AddedToken &token : config_.special)
    special_.insert(token.content);
  splitter_ = AddedTokenSplitter(tokens, WhiteSpace::Python);
}

std::optional<int64_t> SentencePieceTokenizer::piece_id(std::string_view piece) const {
  const auto found = added_ids_.find(std::string(piece));
  return found != added_ids_.end() ? found->second : model_.id(piece);
}

std::optional<std::string> SentencePieceTokenizer::bytes(int64_t id) const {
  const auto found = added_.find(id);
  if (found == added_.end())
    return id < model_.size() ? model_.bytes(id) : std::nullopt;
  if (special_.count(found->second) > 0)
    return {};
  return found->second;
}

std::vector<int64_t> SentencePieceTokenizer::encode_part(std::string_view text) const {
  if (config_.legacy || !(starts_with(text, kUnderline) || starts_with(text, " ")))
    return model_.encode(text, dummy_prefix_);
  std::vector<int64_t> ids = model_.encode(unknown_ + std::string(text), dummy_prefix_);
  if (ids.size() >= unknown_length_)
    ids.erase(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(unknown_length_));
  return ids;
}

std::vector<int64_t> SentencePieceTokenizer::encode(std::string_view text) const {
  if (!utf8_valid(text))
    fail(ErrorCategory::Data, "text is not valid UTF-8 at byte ", utf8_valid_prefix(text));
  std::string prefixed(text);
  if (!config_.legacy && !text.empty())
    prefixed = std::string(kUnderline) + replace_all(text, kUnderline, " ");
  std::vector<int64_t> ids;
  if (config_.add_bos && bos_id())
    ids.push_back(*bos_id());
  const auto parts = splitter_.split(prefixed);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].id >= 0) {
      ids.push_back(parts[i].id);
      continue;
    }
    const std::vector<int64_t> part = encode_part(parts[i].text);
    const bool only_prefix = !config_.legacy && i == 0 && parts.size() > 1 && part.size() == 1 &&
                             model_.piece(part[0]) == kUnderline &&
                             special_.count(std::string(parts[1].text)) > 0;
    if (!only_prefix)
      ids.insert(ids.end(), part.begin(), part.end());
  }
  if (config_.add_eos && eos_id())
    ids.push_back(*eos_id());
  return ids;
}

const std::string &SentencePieceTokenizer::piece(int64_t id) const {
  const auto found = added_.find(id);
  if (found != added_.end())
    return found->second;
  if (id < 0 || id >= model_.size())
    fail(ErrorCategory::Data, "token id ", id, " is not in the vocabulary of ", vocab_size_);
  return model_.piece(id);
}

// The reference sets added tokens that are not special, and additional ones from outside the
// vocabulary, apart from their neighbours with spaces.
bool SentencePieceTokenizer::stands_apart(int64_t id) const {
  const auto found = added_.find(id);
  if (found == added_.end())
    return false;
  const auto &additional = config_.additional;
  return special_.count(found->second) == 0 ||
         (id >= model_.size() &&
          std::find(additional.begin(), additional.end(), found->second) != additional.end());
}

// Pieces to text; special tokens are kept from the model, which would drop them.
std::string SentencePieceTokenizer::join(std::vector<std::string> pieces) const {
  if (starts_with(pieces[0], kUnderline))
    pieces[0].erase(0, kUnderline.size());
  std::string out;
  std::vector<std::string> run;
  const auto flush = [&] {
    out += model_.decode(run, dummy_prefix_);
    run.clear();
  };
  bool after_special = false;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool special = special_.count(pieces[i]) > 0;
    if (special) {
      if (!after_special && i != 0 && config_.legacy)
        out += ' ';
      flush();
      out += pieces[i];
    } else {
      run.push_back(pieces[i]);
    }
    after_special = special;
  }
  flush();
  return out;
}

std::string SentencePieceTokenizer::decode(const std::vector<int64_t> &ids,
                                           bool skip_special) const {
  std::vector<std::string> texts, run;
  const auto flush = [&](bool last) {
    if (run.empty())
      return;
    std::string text = join(std::move(run));
    run.clear();
    if (last || !text.empty()) // an empty end still gets its space, as in the reference
      texts.push_back(std::move(text));
  };
  for (const int64_t id : ids) {
    const std::string &content = piece(id);
    if (skip_special && special_.count(content) > 0)
      continue;
    if (stands_apart(id)) {
      flush(false);
      texts.push_back(content);
    } else {
      run.push_back(content);
    }
  }
  flush(true);
  std::string out;
  for (size_t i = 0; i < texts.size(); ++i)
    out += (i == 0 ? "" : " ") + texts[i];
  return config_.clean_up_spaces ? clean_up_spaces(std::move(out)) : out;
}

} // namespace

std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const std::string &path,
                                                        const TokenizerConfig &config) {
  return std::make_unique<SentencePieceTokenizer>(path, config);
}

} // namespace vlm
