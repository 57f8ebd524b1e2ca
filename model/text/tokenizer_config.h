// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/added_tokens.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// What stands beside a vocabulary: tokenizer_config.json, and for older checkpoints
/// special_tokens_map.json and added_tokens.json. Defaults are those of the class.
struct TokenizerConfig {
  std::string class_name = "LlamaTokenizer"; ///< without "Fast"
  std::optional<std::string> bos, eos, unk, pad;
  std::vector<AddedToken> special;     ///< bos, eos, unk, pad and the others, each once
  std::vector<std::string> additional; ///< those that were listed as additional
  std::vector<AddedToken> added;
  bool add_bos = true;
  bool add_eos = false;
  bool legacy = true;
  bool clean_up_spaces = false;
};

/// Where tokenizer_config.json is missing or names no class, it is `class_name`; when that is
/// empty, LlamaTokenizer, or PreTrainedTokenizer when the directory has a tokenizer.json.
/// Error(Format | Unsupported) naming the file.
TokenizerConfig read_tokenizer_config(const std::string &directory,
                                      const std::string &class_name = "");

/// One added token as the files write it: its content, or an object with flags and perhaps an "id".
/// `special` stands where the file does not say. Error(Unsupported) naming `path`.
AddedToken read_added_token(const nlohmann::json &value, bool special, const std::string &path);

using PieceLookup = std::function<std::optional<int64_t>(std::string_view piece)>;

/// `tokens` and those of `config` that are not among them: numbered as the vocabulary has them,
/// else behind its end. Error(Format) naming `path` for an impossible id.
std::vector<AddedToken> complete_added_tokens(std::vector<AddedToken> tokens,
                                              const TokenizerConfig &config,
                                              const PieceLookup &lookup, int64_t vocabulary_size,
                                              const std::string &path);

} // namespace vlm
