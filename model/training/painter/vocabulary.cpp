// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/vocabulary.h"

#include "model/core/mapped_file.h"
#include "model/text/byte_level.h"
#include "model/training/scenes/prompts.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <utility>

namespace vlm {
namespace {

using Pair = std::pair<std::string, std::string>;
using nlohmann::json;

constexpr int kPrompts = 20000;
constexpr const char *kEndOfWord = "</w>";
constexpr const char *kStart = "<|startoftext|>", *kEnd = "<|endoftext|>";

struct Word {
  std::vector<std::string> pieces;
  int64_t count;
};

std::vector<Word> split(const std::vector<std::string> &words) {
  std::map<std::string, int64_t> counts;
  for (const std::string &word : words)
    ++counts[word];
  std::vector<Word> out;
  for (const auto &[word, count] : counts) {
    Word item{{}, count};
    for (const char c : word)
      item.pieces.emplace_back(1, c);
    item.pieces.back() += kEndOfWord;
    out.push_back(std::move(item));
  }
  return out;
}

// The most frequent pair, the first in the alphabet among equals; an empty one: none is left.
Pair best_pair(const std::vector<Word> &words) {
  std::map<Pair, int64_t> counts;
  for (const Word &word : words)
    for (size_t i = 0; i + 1 < word.pieces.size(); ++i)
      counts[{word.pieces[i], word.pieces[i + 1]}] += word.count;
  const auto best =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto &a, const auto &b) { return a.second < b.second; });
  return best == counts.end() ? Pair() : best->first;
}

void merge(std::vector<std::string> &pieces, const Pair &pair) {
  for (size_t i = 0; i + 1 < pieces.size(); ++i)
    if (pieces[i] == pair.first && pieces[i + 1] == pair.second) {
      pieces[i] += pieces[i + 1];
      pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
}

// CLIP's words of lower-case ASCII text that matter here: runs of letters.
void add_words(const std::string &text, std::vector<std::string> &words) {
  std::string word;
  for (const char c : text + ' ')
    if (std::islower(static_cast<unsigned char>(c)))
      word += c;
    else if (!word.empty())
      words.push_back(std::exchange(word, {}));
}

// Every byte as a character, those that CLIP prints as they are first.
std::vector<std::string> characters() {
  std::vector<std::string> shown, others;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    (printable ? shown : others).push_back(bytes_to_characters(std::string(1, char(byte))));
  }
  shown.insert(shown.end(), others.begin(), others.end());
  return shown;
}

std::vector<std::string> vocabulary(const std::vector<Pair> &merges) {
  std::vector<std::string> out = characters();
  const size_t bytes = out.size();
  for (size_t i = 0; i < bytes; ++i)
    out.push_back(out[i] + kEndOfWord);
  for (const auto &[first, second] : merges)
    out.push_back(first + second);
  out.push_back(kStart);
  out.push_back(kEnd); // the largest id, which text encoders look for
  return out;
}

json special(const char *token) {
  return {{"content", token},
          {"lstrip", false},
          {"normalized", true},
          {"rstrip", false},
          {"single_word", false}};
}

json config(const char *padding) {
  json out = {{"tokenizer_class", "CLIPTokenizer"},
              {"model_max_length", 77},
              {"add_prefix_space", false},
              {"do_lower_case", true},
              {"errors", "replace"},
              {"pad_token", padding}};
  for (const auto &[key, token] : {std::pair("bos_token", kStart), std::pair("eos_token", kEnd),
                                   std::pair("unk_token", kEnd)}) {
    out[key] = special(token);
    out[key]["__type"] = "AddedToken";
  }
  return out;
}

void write_tokenizer(const std::vector<Pair> &merges, const char *padding,
                     const std::string &folder) {
  std::filesystem::create_directories(folder);
  json ids = json::object();
  for (const std::string &piece : vocabulary(merges))
    if (const size_t id = ids.size(); !ids.contains(piece)) // two merges may make the same piece
      ids[piece] = id;
  std::string lines = "#version: 0.2\n";
  for (const auto &[first, second] : merges)
    lines += first + ' ' + second + '\n';
  write_file(folder + "/vocab.json", ids.dump() + "\n");
  write_file(folder + "/merges.txt", lines);
  write_file(folder + "/tokenizer_config.json", config(padding).dump(2) + "\n");
  write_file(folder + "/special_tokens_map.json", json{{"bos_token", special(kStart)},
                                                       {"eos_token", special(kEnd)},
                                                       {"unk_token", special(kEnd)},
                                                       {"pad_token", padding}}
                                                          .dump(2) +
                                                      "\n");
}

} // namespace

std::vector<Pair> learn_merges(const std::vector<std::string> &words, size_t count) {
  std::vector<Word> split_words = split(words);
  std::vector<Pair> out;
  while (out.size() < count) {
    const Pair pair = best_pair(split_words);
    if (pair.first.empty())
      break;
    for (Word &word : split_words)
      merge(word.pieces, pair);
    out.push_back(pair);
  }
  return out;
}

void write_vocabulary(const scenes::Assets &assets, int64_t size, uint64_t seed,
                      const std::string &directory) {
  std::vector<std::string> words;
  for (int i = 0; i < kPrompts; ++i) {
    scenes::Random random(seed, static_cast<uint64_t>(i));
    add_words(scenes::random_prompt(assets, /*wide=*/false, random), words);
  }
  const std::vector<Pair> merges = learn_merges(words, static_cast<size_t>(size) - 2 * 256 - 2);
  write_tokenizer(merges, kEnd, directory + "/tokenizer");
  write_tokenizer(merges, "!", directory + "/tokenizer_2");
}

} // namespace vlm
