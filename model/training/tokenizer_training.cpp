// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/tokenizer_training.h"

#include "model/core/error.h"
#include "model/core/mapped_file.h"
#include "model/training/scenes/questions.h"
#include "model/training/scenes/scene.h"

#include <nlohmann/json.hpp>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>

namespace vlm {
namespace {

constexpr size_t kDictionaryWords = 6000;
constexpr const char *kSymbols = "<GEN>,<h>,</h>,USER:,ASSISTANT:";

class Sentences : public sentencepiece::SentenceIterator {
public:
  explicit Sentences(const std::vector<std::string> &all) : all_(all) {}
  bool done() const override { return next_ == all_.size(); }
  void Next() override { ++next_; }
  const std::string &value() const override { return all_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

private:
  const std::vector<std::string> &all_;
  size_t next_ = 0;
};

bool is_capitals(const std::string &word) {
  const auto capitals = std::count_if(word.begin(), word.end(), ::isupper);
  return capitals > 1 && std::none_of(word.begin(), word.end(), ::islower);
}

/// The text as it stands in a conversation: right behind a symbol, without a space before it.
std::string behind_symbol(const std::string &text) {
  std::istringstream in(text);
  std::string word, out = "ASSISTANT:";
  bool first = true;
  while (in >> word) {
    if (is_capitals(word))
      continue;
    out += (first ? "" : " ") + word;
    first = false;
  }
  return out;
}

/// Every printable character once: the vocabulary then has a piece for each.
std::string printable_ascii() {
  std::string out;
  for (char c = '!'; c <= '~'; ++c)
    out += std::string(1, c) + " ";
  return out;
}

std::vector<std::string> corpus(const scenes::Assets &assets, int scene_count, uint64_t seed) {
  std::vector<std::string> out = {printable_ascii()};
  scenes::SceneMaker make(assets);
  for (int i = 0; i < scene_count; ++i) {
    const auto index = static_cast<uint64_t>(i);
    const scenes::Scene scene = make(scenes::SceneMix::Standard, seed, index);
    scenes::Random random(seed + 1, index);
    for (const auto &item : scenes::questions(scene, assets, random)) {
      out.push_back(behind_symbol(item.question));
      out.push_back(behind_symbol(item.answer));
    }
  }
  const auto &words = assets.words.training;
  const size_t step = std::max<size_t>(1, words.size() / kDictionaryWords);
  for (size_t i = 0; i < words.size(); i += step)
    out.push_back(words[i]);
  return out;
}

} // namespace

void train_tokenizer(const scenes::Assets &assets, int scene_count, int pieces, uint64_t seed,
                     const std::string &directory) {
  std::filesystem::create_directories(directory);
  const std::vector<std::string> lines = corpus(assets, scene_count, seed);
  Sentences sentences(lines);
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train({{"model_type", "bpe"},
                                                  {"vocab_size", std::to_string(pieces)},
                                                  {"byte_fallback", "true"},
                                                  {"character_coverage", "1.0"},
                                                  {"user_defined_symbols", kSymbols},
                                                  {"normalization_rule_name", "identity"},
                                                  {"remove_extra_whitespaces", "false"},
                                                  {"split_digits", "true"},
                                                  {"num_threads", "1"},
                                                  {"minloglevel", "2"}},
                                                 &sentences, &model);
  if (!status.ok())
    fail(ErrorCategory::Failed, "SentencePiece: ", status.ToString());
  write_file(directory + "/tokenizer.model", model);
  const nlohmann::json config = {{"tokenizer_class", "LlamaTokenizer"},
                                 {"add_bos_token", true},
                                 {"add_eos_token", false},
                                 {"legacy", false},
                                 {"bos_token", "<s>"},
                                 {"eos_token", "</s>"},
                                 {"unk_token", "<unk>"},
                                 {"pad_token", "<unk>"},
                                 {"clean_up_tokenization_spaces", false}};
  write_file(directory + "/tokenizer_config.json", config.dump(2) + "\n");
}

} // namespace vlm
