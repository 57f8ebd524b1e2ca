// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/tokenizer.h"

#include "model/core/error.h"
#include "model/core/json_file.h"
#include "model/text/fast_tokenizer.h"
#include "model/text/sentencepiece_tokenizer.h"
#include "model/text/tokenizer_config.h"

namespace vlm {

std::unique_ptr<Tokenizer> Tokenizer::load(const std::string &directory) {
  const std::string pipeline = directory + "/tokenizer.json";
  const std::string pieces = directory + "/tokenizer.model";
  const bool fast = file_exists(pipeline);
  if (!fast && !file_exists(pieces))
    fail(ErrorCategory::NotFound, directory, ": has neither tokenizer.json nor tokenizer.model");
  const TokenizerConfig config = read_tokenizer_config(directory);
  if (fast)
    return load_fast_tokenizer(pipeline, config);
  if (config.class_name != "LlamaTokenizer")
    fail(ErrorCategory::Unsupported, directory, ": a ", config.class_name,
         " needs tokenizer.json, only tokenizer.model is there");
  return load_sentencepiece_tokenizer(pieces, config);
}

std::vector<int64_t> tokenize_prompt(const Tokenizer &tokenizer, std::string_view prompt) {
  constexpr std::string_view placeholder = "<image>";
  std::vector<int64_t> ids;
  size_t dropped = 0; // ids at the start of every chunk: its BOS
  for (bool first = true;; first = false) {
    const size_t end = prompt.find(placeholder);
    const std::vector<int64_t> chunk = tokenizer.encode(prompt.substr(0, end));
    if (first && !chunk.empty() && chunk[0] == tokenizer.bos_id()) {
      dropped = 1;
      ids.push_back(chunk[0]);
    }
    if (!first)
      ids.push_back(kImageToken);
    if (chunk.size() > dropped)
      ids.insert(ids.end(), chunk.begin() + static_cast<ptrdiff_t>(dropped), chunk.end());
    if (end == std::string_view::npos)
      return ids;
    prompt.remove_prefix(end + placeholder.size());
  }
}

} // namespace vlm
