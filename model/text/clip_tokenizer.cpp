// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/clip_tokenizer.h"

#include "model/core/json_file.h"
#include "model/core/utf8.h"
#include "model/text/added_tokens.h"
#include "model/text/bpe.h"
#include "model/text/byte_level.h"
#include "model/text/clip_vocabulary.h"
#include "model/text/split_pattern.h"
#include "model/text/tokenizer_config.h"

#include <algorithm>
#include <optional>
#include <set>

namespace vlm {
namespace {

using nlohmann::json;

// CLIP's words; the text is in lower case and without special tokens.
const char *const kWords = R"('s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+)";

TokenizerConfig read_config(const std::string &directory) {
  TokenizerConfig config = read_tokenizer_config(directory, "CLIPTokenizer");
  if (config.class_name != "CLIPTokenizer")
    fail(ErrorCategory::Unsupported, directory, "/tokenizer_config.json: tokenizer_class ",
         config.class_name, " (only CLIPTokenizer)");
  return config;
}

std::set<std::string> contents_of(const std::vector<AddedToken> &tokens) {
  std::set<std::string> out;
  for (const AddedToken &token : tokens)
    out.insert(token.content);
  return out;
}

} // namespace

struct ClipTokenizer::Parts {
  explicit Parts(const std::string &directory)
      : Parts(directory, read_clip_vocabulary(directory)) {}

  Parts(const std::string &directory, const json &model)
      : directory(directory), words(kWords),
        bpe(model, directory + "/vocab.json", directory + "/merges.txt") {
    const TokenizerConfig config = read_config(directory);
    std::vector<AddedToken> tokens = complete_added_tokens(
        {}, config, [this](std::string_view piece) { return bpe.id(piece); }, bpe.size(),
        directory);
    start = own_id(config.bos, "bos_token");
    end = own_id(config.eos, "eos_token");
    unknown = id_among(tokens, config.unk, "unk_token");
    padding = id_among(tokens, config.pad, "pad_token");
    check_clip_vocabulary(model, contents_of(tokens), directory);
    largest = bpe.size() - 1;
    for (const AddedToken &token : tokens)
      largest = std::max(largest, token.id);
    special = AddedTokenSplitter(std::move(tokens), WhiteSpace::Python);
  }

  int64_t id_among(const std::vector<AddedToken> &tokens, const std::optional<std::string> &token,
                   const char *name) const {
    for (const AddedToken &known : tokens)
      if (token && known.content == *token)
        return known.id;
    fail(ErrorCategory::Format, directory, ": has no ", name);
  }

  /// Of a token that no encoder does without.
  int64_t own_id(const std::optional<std::string> &token, const char *name) const {
    if (!token || token->empty())
      fail(ErrorCategory::Format, directory, ": has no ", name);
    const std::optional<int64_t> id = bpe.id(*token);
    if (!id)
      fail(ErrorCategory::Format, directory, "/vocab.json: lacks \"", *token, "\", the ", name);
    return *id;
  }

  void append(std::string_view text, std::vector<int64_t> &ids) const {
    for (const auto &[from, to] : words.find_all(text)) {
      const size_t before = ids.size();
      bpe.encode(bytes_to_characters(text.substr(from, to - from)), ids);
      if (ids.size() == before) // the vocabulary has none of its characters
        ids.push_back(unknown);
    }
  }

  std::string directory;
  SplitPattern words;
  Bpe bpe;
  AddedTokenSplitter special;
  int64_t start = 0, end = 0, unknown = 0, padding = 0, largest = 0;
};

ClipTokenizer::ClipTokenizer(const std::string &directory) {
  parts_ = in_json_file(directory, [&] { return std::make_unique<const Parts>(directory); });
}

ClipTokenizer::~ClipTokenizer() = default;
ClipTokenizer::ClipTokenizer(ClipTokenizer &&other) noexcept = default;

int64_t ClipTokenizer::vocab_size() const { return parts_->largest + 1; }

ClipTokenizer::Encoded ClipTokenizer::encode(std::string_view text) const {
  if (!utf8_valid(text))
    fail(ErrorCategory::Data, "text is not valid UTF-8 at byte ", utf8_valid_prefix(text));
  const std::string lower = lower_case(text);
  Encoded out{{parts_->start}, 0};
  for (const auto &part : parts_->special.split(lower)) {
    if (part.id >= 0)
      out.ids.push_back(part.id);
    else
      parts_->append(part.text, out.ids);
  }
  const auto room = static_cast<size_t>(kLength - 1);
  if (out.ids.size() > room) {
    out.cut = static_cast<int64_t>(out.ids.size() - room);
    out.ids.resize(room);
  }
  out.ids.push_back(parts_->end);
  out.ids.resize(kLength, parts_->padding);
  return out;
}

} // namespace vlm
