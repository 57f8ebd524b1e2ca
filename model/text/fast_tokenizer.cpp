// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/fast_tokenizer.h"

#include "model/core/json_file.h"
#include "model/core/utf8.h"
#include "model/text/bpe.h"
#include "model/text/byte_level.h"
#include "model/text/text_steps.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace vlm {
namespace {

using nlohmann::json;

json part(const json &file, const char *name) {
  const auto found = file.find(name);
  return found == file.end() ? json() : *found;
}

bool has_step(const json &steps, const char *type) {
  if (!steps.is_object())
    return false;
  const json inner = part(steps, "decoders");
  return steps.value("type", "") == type ||
         std::any_of(inner.begin(), inner.end(),
                     [type](const json &each) { return has_step(each, type); });
}

class FastTokenizer : public Tokenizer {
public:
  FastTokenizer(const json &file, const std::string &path, const TokenizerConfig &config);

  std::vector<int64_t> encode(std::string_view text) const override;
  std::string decode(const std::vector<int64_t> &ids, bool skip_special) const override;
  std::vector<std::string> special_tokens() const override;
  std::optional<std::string> bytes(int64_t id) const override;
  int64_t vocab_size() const override { return vocab_size_; }
  std::optional<int64_t> bos_id() const override { return bos_; }
  std::optional<int64_t> eos_id() const override { return eos_; }
  std::optional<int64_t> piece_id(std::string_view piece) const override;

private:
  void add_tokens(const json &file, const std::string &path, const TokenizerConfig &config);
  void read_frame(const json &file, const std::string &path, const TokenizerConfig &config);
  void read_template(const json &single, const json &special, const std::string &path);

  Bpe model_;
  std::vector<TextStep> normalizer_, pre_tokenizer_, decoder_;
  AddedTokenSplitter raw_, normalized_; // before and after normalisation
  std::unordered_map<int64_t, AddedToken> added_;
  std::unordered_map<std::string, int64_t> added_ids_;
  std::vector<int64_t> before_, after_; // ids put around every text
  std::optional<int64_t> bos_, eos_;
  int64_t vocab_size_ = 0;
  bool byte_level_;
  bool clean_up_spaces_;
};

FastTokenizer::FastTokenizer(const json &file, const std::string &path,
                             const TokenizerConfig &config)
    : model_(file.at("model"), path), normalizer_(normalizer_steps(part(file, "normalizer"), path)),
      pre_tokenizer_(pre_tokenizer_steps(part(file, "pre_tokenizer"), path)),
      decoder_(decoder_steps(part(file, "decoder"), path)),
      byte_level_(has_step(part(file, "decoder"), "ByteLevel")),
      clean_up_spaces_(config.clean_up_spaces) {
  add_tokens(file, path, config);
  bos_ = config.bos ? piece_id(*config.bos) : std::nullopt;
  eos_ = config.eos ? piece_id(*config.eos) : std::nullopt;
  read_frame(file, path, config);
}

void FastTokenizer::add_tokens(const json &file, const std::string &path,
                               const TokenizerConfig &config) {
  std::vector<AddedToken> tokens;
  for (const json &value : part(file, "added_tokens")) {
    tokens.push_back(read_added_token(value, false, path));
    tokens.back().id = value.at("id");
  }
  tokens = complete_added_tokens(
      std::move(tokens), config, [&](std::string_view piece) { return model_.id(piece); },
      model_.size(), path);
  std::vector<AddedToken> raw, normalized;
  vocab_size_ = model_.size();
  for (const AddedToken &token : tokens) {
    added_[token.id] = token;
    added_ids_[token.content] = token.id;
    vocab_size_ = std::max(vocab_size_, token.id + 1);
    (token.normalized ? normalized : raw).push_back(token);
  }
  for (AddedToken &token : normalized)
    token.content = run(normalizer_, {token.content})[0];
  raw_ = AddedTokenSplitter(std::move(raw));
  normalized_ = AddedTokenSplitter(std::move(normalized));
}

// Llama's and Gemma's classes build the frame from their flags, whatever the file says.
void FastTokenizer::read_frame(const json &file, const std::string &path,
                               const TokenizerConfig &config) {
  if (config.class_name == "LlamaTokenizer" || config.class_name == "GemmaTokenizer") {
    if (config.add_bos && bos_)
      before_.push_back(*bos_);
    if (config.add_eos && eos_)
      after_.push_back(*eos_);
    return;
  }
  const json processor = part(file, "post_processor");
  if (processor.is_null())
    return;
  const bool sequence = processor.at("type") == "Sequence";
  for (const json &step : sequence ? processor.at("processors") : json::array({processor})) {
    const std::string type = step.at("type");
    if (type == "TemplateProcessing")
      read_template(step.at("single"), step.at("special_tokens"), path);
    else if (type != "ByteLevel") // which only changes offsets
      fail(ErrorCategory::Unsupported, path, ": post_processor \"", type, "\"");
  }
}

void FastTokenizer::read_template(const json &single, const json &special,
                                  const std::string &path) {
  std::vector<int64_t> *side = &before_;
  for (const json &item : single) {
    if (item.contains("Sequence")) {
      side = &after_;
      continue;
    }
    const std::string name = item.at("SpecialToken").at("id");
    for (const json &value : special.at(name).at("ids")) {
      const int64_t id = value;
      if (id < 0 || id >= vocab_size_)
        fail(ErrorCategory::Format, path, ": post_processor adds \"", name, "\" with the id ", id);
      side->push_back(id);
    }
  }
}

std::optional<int64_t> FastTokenizer::piece_id(std::string_view piece) const {
  const auto found = added_ids_.find(std::string(piece));
  return found != added_ids_.end() ? found->second : model_.id(piece);
}

std::vector<std::string> FastTokenizer::special_tokens() const {
  std::vector<std::string> out;
  for (const auto &[id, token] : added_)
    if (token.special)
      out.push_back(token.content);
  return out;
}

std::optional<std::string> FastTokenizer::bytes(int64_t id) const {
  const auto found = added_.find(id);
  if (found != added_.end())
    return found->second.special ? std::nullopt : std::optional(found->second.content);
  const std::string *piece = model_.piece(id);
  if (!piece)
    return {};
  if (byte_level_)
    return characters_to_bytes(*piece);
  if (const auto byte = byte_of_piece(*piece))
    return std::string(1, static_cast<char>(*byte));
  return replace_all(*piece, "\xE2\x96\x81", " ");
}

std::vector<int64_t> FastTokenizer::encode(std::string_view text) const {
  if (!utf8_valid(text))
    fail(ErrorCategory::Data, "text is not valid UTF-8 at byte ", utf8_valid_prefix(text));
  std::vector<int64_t> ids = before_;
  for (const auto &outer : raw_.split(text)) {
    if (outer.id >= 0) {
      ids.push_back(outer.id);
      continue;
    }
    const std::string normalized = run(normalizer_, {std::string(outer.text)})[0];
    for (const auto &inner : normalized_.split(normalized)) {
      if (inner.id >= 0) {
        ids.push_back(inner.id);
        continue;
      }
      for (const std::string &word : run(pre_tokenizer_, {std::string(inner.text)}))
        model_.encode(word, ids);
    }
  }
  ids.insert(ids.end(), after_.begin(), after_.end());
  return ids;
}

std::string FastTokenizer::decode(const std::vector<int64_t> &ids, bool skip_special) const {
  std::vector<std::string> pieces;
  for (const int64_t id : ids) {
    const auto found = added_.find(id);
    const std::string *piece = found != added_.end() ? &found->second.content : model_.piece(id);
    if (!piece)
      fail(ErrorCategory::Data, "token id ", id, " is not in the vocabulary of ", vocab_size_);
    if (skip_special && found != added_.end() && found->second.special)
      continue;
    pieces.push_back(*piece);
  }
  std::string text;
  for (const std::string &decoded : run(decoder_, std::move(pieces)))
    text += decoded;
  return clean_up_spaces_ ? clean_up_spaces(std::move(text)) : text;
}

} // namespace

std::unique_ptr<Tokenizer> load_fast_tokenizer(const std::string &path,
                                               const TokenizerConfig &config) {
  const json file = read_json_object(path);
  return in_json_file(path, [&] { return std::make_unique<FastTokenizer>(file, path, config); });
}

} // namespace vlm
