// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/clip_tokenizer.h"

#include "model/core/json_file.h"
#include "model/core/mapped_file.h"
#include "model/core/utf8.h"
#include "model/text/added_tokens.h"
#include "model/text/bpe.h"
#include "model/text/byte_level.h"
#include "model/text/split_pattern.h"
#include "model/text/tokenizer_config.h"

#include <algorithm>
#include <optional>

namespace vlm {
namespace {

using nlohmann::json;

// CLIP's words; the text is in lower case and without special tokens.
const char *const kWords = R"('s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+)";

// The lines of merges.txt behind its version.
json read_merges(const std::string &path) {
  const std::string text = read_file(path);
  json merges = json::array();
  size_t begin = 0;
  for (size_t number = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (number > 0 && !line.empty())
      merges.push_back(std::move(line));
  }
  if (merges.empty() || !utf8_valid(text))
    fail(ErrorCategory::Format, path, ": no list of merges");
  return merges;
}

// What a tokenizer.json would have as its "model".
json read_model(const std::string &directory) {
  return {{"vocab", read_json_object(directory + "/vocab.json")},
          {"merges", read_merges(directory + "/merges.txt")},
          {"end_of_word_suffix", "</w>"}};
}

} // namespace

struct ClipTokenizer::Parts {
  explicit Parts(const std::string &directory)
      : directory(directory), words(kWords), bpe(read_model(directory), directory) {
    const TokenizerConfig config = read_tokenizer_config(directory);
    if (config.class_name != "CLIPTokenizer")
      fail(ErrorCategory::Unsupported, directory, "/tokenizer_config.json: tokenizer_class ",
           config.class_name, " (only CLIPTokenizer)");
    std::vector<AddedToken> tokens = complete_added_tokens(
        {}, config, [this](std::string_view piece) { return bpe.id(piece); }, bpe.size(),
        directory);
    const auto id_of = [&](const std::optional<std::string> &token, const char *name) {
      for (const AddedToken &known : tokens)
        if (token && known.content == *token)
          return known.id;
      fail(ErrorCategory::Format, directory, ": has no ", name);
    };
    start = id_of(config.bos, "bos_token");
    end = id_of(config.eos, "eos_token");
    unknown = id_of(config.unk, "unk_token");
    padding = id_of(config.pad, "pad_token");
    for (const AddedToken &token : tokens)
      largest = std::max(largest, token.id);
    largest = std::max(largest, bpe.size() - 1);
    special = AddedTokenSplitter(std::move(tokens), WhiteSpace::Python);
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
