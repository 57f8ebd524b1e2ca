// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/tokenizer_config.h"

#include "model/core/json_file.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace vlm {
namespace {

using nlohmann::json;

constexpr int64_t kMaxId = int64_t{1} << 22;
const char *const kNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                              "pad_token", "cls_token", "mask_token"};

bool contains(const std::vector<AddedToken> &tokens, const std::string &content) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const AddedToken &token) { return token.content == content; });
}

int64_t number(const std::string &digits, const std::string &path) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size())
    fail(ErrorCategory::Format, path, ": added_tokens_decoder has the id \"", digits, "\"");
  return value;
}

json class_defaults(const std::string &class_name) {
  if (class_name == "LlamaTokenizer")
    return {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}};
  if (class_name == "GemmaTokenizer")
    return {{"bos_token", "<bos>"},
            {"eos_token", "<eos>"},
            {"unk_token", "<unk>"},
            {"pad_token", "<pad>"}};
  if (class_name == "CLIPTokenizer")
    return {{"bos_token", "<|startoftext|>"},
            {"eos_token", "<|endoftext|>"},
            {"unk_token", "<|endoftext|>"},
            {"pad_token", "<|endoftext|>"}};
  return json::object();
}

// Checkpoints from before added_tokens_decoder spread it over two more files.
void merge_older_files(const std::string &directory, json &config, TokenizerConfig &out) {
  const std::string map_path = directory + "/special_tokens_map.json";
  if (file_exists(map_path)) {
    const json map = read_json_object(map_path);
    for (const auto &[name, value] : map.items())
      if (!config.contains(name) || config[name].is_null())
        config[name] = value;
  }
  const std::string added_path = directory + "/added_tokens.json";
  if (!file_exists(added_path))
    return;
  const json added = read_json_object(added_path);
  in_json_file(added_path, [&] {
    for (const auto &[content, id] : added.items()) {
      AddedToken token;
      token.content = content;
      token.id = id.get<int64_t>();
      token.normalized = true;
      out.added.push_back(token);
    }
  });
}

void read_special(const json &config, const std::string &path, TokenizerConfig &out) {
  const auto add = [&](const json &value) {
    const AddedToken token = read_added_token(value, true, path);
    if (!contains(out.special, token.content))
      out.special.push_back(token);
    return token.content;
  };
  for (const std::string name : kNames) {
    const auto found = config.find(name);
    if (found == config.end() || found->is_null())
      continue;
    const std::string content = add(*found);
    if (name == "bos_token")
      out.bos = content;
    else if (name == "eos_token")
      out.eos = content;
    else if (name == "unk_token")
      out.unk = content;
    else if (name == "pad_token")
      out.pad = content;
  }
  const auto additional = config.find("additional_special_tokens");
  if (additional != config.end() && !additional->is_null())
    for (const json &value : *additional)
      out.additional.push_back(add(value));
}

bool flag(const json &config, const char *name, bool otherwise) {
  const auto found = config.find(name);
  return found == config.end() || found->is_null() ? otherwise : found->get<bool>();
}

std::string usual_class(const std::string &directory) {
  const bool pipeline = file_exists(directory + "/tokenizer.json");
  return pipeline ? "PreTrainedTokenizer" : "LlamaTokenizer";
}

TokenizerConfig read(const std::string &directory, json config, const std::string &path,
                     const std::string &class_name) {
  TokenizerConfig out;
  out.class_name =
      config.value("tokenizer_class", class_name.empty() ? usual_class(directory) : class_name);
  const std::string fast = "Fast";
  if (out.class_name.size() > fast.size() &&
      out.class_name.compare(out.class_name.size() - fast.size(), fast.size(), fast) == 0)
    out.class_name.resize(out.class_name.size() - fast.size());
  if (config.contains("added_tokens_decoder"))
    for (const auto &[id, value] : config["added_tokens_decoder"].items()) {
      out.added.push_back(read_added_token(value, false, path));
      out.added.back().id = number(id, path);
    }
  else
    merge_older_files(directory, config, out);
  json settings = class_defaults(out.class_name);
  const bool known_class = !settings.empty();
  settings.update(config);
  read_special(settings, path, out);
  out.add_bos = flag(settings, "add_bos_token", true);
  out.add_eos = flag(settings, "add_eos_token", false);
  out.legacy = flag(settings, "legacy", true);
  out.clean_up_spaces = flag(settings, "clean_up_tokenization_spaces", !known_class);
  return out;
}

} // namespace

TokenizerConfig read_tokenizer_config(const std::string &directory, const std::string &class_name) {
  const std::string path = directory + "/tokenizer_config.json";
  const json config = file_exists(path) ? read_json_object(path) : json::object();
  return in_json_file(path, [&] { return read(directory, config, path, class_name); });
}

AddedToken read_added_token(const nlohmann::json &value, bool special, const std::string &path) {
  AddedToken token;
  token.special = special;
  if (value.is_string()) {
    token.content = value;
    return token;
  }
  token.content = value.at("content");
  token.special = value.value("special", special);
  token.normalized = value.value("normalized", !token.special);
  token.lstrip = value.value("lstrip", false);
  token.rstrip = value.value("rstrip", false);
  if (value.value("single_word", false))
    fail(ErrorCategory::Unsupported, path, ": added token \"", token.content,
         "\" has \"single_word\"");
  return token;
}

std::vector<AddedToken> complete_added_tokens(std::vector<AddedToken> tokens,
                                              const TokenizerConfig &config,
                                              const PieceLookup &lookup, int64_t vocabulary_size,
                                              const std::string &path) {
  std::vector<AddedToken> wanted = config.added;
  std::sort(wanted.begin(), wanted.end(),
            [](const AddedToken &a, const AddedToken &b) { return a.id < b.id; });
  wanted.insert(wanted.end(), config.special.begin(), config.special.end());
  int64_t next = vocabulary_size;
  std::set<std::string> known;
  for (const AddedToken &token : tokens) {
    known.insert(token.content);
    if (token.id < 0 || token.id >= kMaxId)
      fail(ErrorCategory::Format, path, ": added token \"", token.content, "\" has the id ",
           token.id);
    next = std::max(next, token.id + 1);
  }
  for (AddedToken &token : wanted) {
    if (token.content.empty() || !known.insert(token.content).second)
      continue;
    token.special = token.special || contains(config.special, token.content);
    const auto id = lookup(token.content);
    token.id = id ? *id : next++;
    tokens.push_back(token);
  }
  return tokens;
}

} // namespace vlm
