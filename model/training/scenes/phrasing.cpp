// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/phrasing.h"

#include "model/training/scenes/nouns.h"
#include "model/training/scenes/sentences.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace vlm::scenes {
namespace {

/// Index just after the bracket that closes the one before `at`; sets the choices found on the way.
size_t read_choices(const std::string &pattern, size_t at, std::vector<std::string> &choices) {
  int depth = 1;
  choices.emplace_back();
  for (; at < pattern.size(); ++at) {
    const char c = pattern[at];
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (depth == 0)
      return at + 1;
    if (c == '|' && depth == 1)
      choices.emplace_back();
    else
      choices.back() += c;
  }
  return at;
}

std::string expand_raw(const std::string &pattern, Random &random) {
  std::string result;
  for (size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '[') {
      result += pattern[i++];
      continue;
    }
    std::vector<std::string> choices;
    i = read_choices(pattern, i + 1, choices);
    result += expand_raw(random.pick(choices), random);
  }
  return result;
}

void replace_all(std::string &text, const std::string &what, const std::string &with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

std::string fill(std::string sentence, const Slots &slots) {
  for (const auto &[slot, value] : slots)
    replace_all(sentence, '{' + slot + '}', value);
  if (!sentence.empty())
    sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
  return sentence;
}

std::vector<std::string> split(const std::string &sentence) {
  std::vector<std::string> words(1);
  for (const char c : sentence) {
    if (c != ' ')
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty())
    words.pop_back();
  return words;
}

std::string join(const std::vector<std::string> &words) {
  std::string sentence;
  for (const std::string &word : words)
    sentence += (sentence.empty() ? "" : " ") + word;
  return sentence;
}

/// Leaves one small word out, as people in a hurry do.
std::string drop_word(const std::string &sentence, Random &random) {
  static const std::set<std::string> small = {"the", "there", "in", "is", "are", "of", "do",
                                              "you", "a",     "an", "on", "me",  "any"};
  std::vector<std::string> words = split(sentence);
  std::vector<size_t> candidates;
  for (size_t i = 0; i < words.size(); ++i)
    if (small.count(normalized(words[i])) != 0)
      candidates.push_back(i);
  if (candidates.empty() || words.size() < 4)
    return sentence;
  words.erase(words.begin() + static_cast<ptrdiff_t>(random.pick(candidates)));
  return join(words);
}

/// A word of no language.
std::string invented_word(Random &random) {
  static const char consonants[] = "bcdfghklmnprstvwz", vowels[] = "aeiou";
  std::string word;
  for (int syllables = random.between(1, 3); syllables > 0; --syllables) {
    word += consonants[random.below(static_cast<int>(sizeof consonants) - 1)];
    word += vowels[random.below(static_cast<int>(sizeof vowels) - 1)];
    if (random.chance(.5))
      word += consonants[random.below(static_cast<int>(sizeof consonants) - 1)];
  }
  return word;
}

/// An unknown word in the place of one that the question can be understood without.
std::string replace_word(const std::string &sentence, Random &random) {
  static const std::set<std::string> spare = {
      "picture", "image", "photo",   "scene",   "frame",   "photograph", "shot",  "view",
      "see",     "find",  "tell",    "show",    "say",     "describe",   "name",  "report",
      "shown",   "there", "visible", "located", "contain", "please",     "notice"};
  std::vector<std::string> words = split(sentence);
  std::vector<size_t> candidates;
  for (size_t i = 0; i < words.size(); ++i)
    if (spare.count(normalized(words[i])) != 0)
      candidates.push_back(i);
  if (candidates.empty())
    return sentence;
  std::string &word = words[random.pick(candidates)];
  const size_t end = word.find_last_not_of(".?!,:") + 1;
  word = invented_word(random) + word.substr(end);
  return join(words);
}

/// "picture" and "image" become another word for it.
std::string rename_picture(std::string sentence, Random &random) {
  static const char *const names[] = {"picture", "image",      "photo", "scene",
                                      "frame",   "photograph", "shot",  "view"};
  const std::string other = random.pick(names);
  replace_all(sentence, "picture", "\1");
  replace_all(sentence, "image", "\1");
  replace_all(sentence, "an \1", "a \1");
  replace_all(sentence, "\1", other);
  replace_all(sentence, "a image", "an image");
  return sentence;
}

std::string add_courtesy(std::string sentence, Random &random) {
  static const std::vector<const char *> before = {"Please ",
                                                   "Please, ",
                                                   "Hey, ",
                                                   "Hi, ",
                                                   "Hello, ",
                                                   "Hi! ",
                                                   "Hello! ",
                                                   "Now ",
                                                   "And ",
                                                   "So, ",
                                                   "OK, ",
                                                   "Quick question: ",
                                                   "Look at the picture. ",
                                                   "Look at this image. ",
                                                   "Question: ",
                                                   "Sorry, ",
                                                   "One more thing: ",
                                                   "Well, ",
                                                   "Excuse me, ",
                                                   "I want to know: ",
                                                   "Please answer: ",
                                                   "Here is a picture. ",
                                                   "Looking at the picture, "};
  static const std::vector<const char *> after = {" Please.",
                                                  " Thanks.",
                                                  " Thank you.",
                                                  " Answer briefly.",
                                                  " Answer in one sentence.",
                                                  " Be brief.",
                                                  " Please answer.",
                                                  " please",
                                                  " Look closely.",
                                                  " I cannot see it.",
                                                  " Just tell me."};
  if (random.chance(.65)) {
    sentence[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(sentence[0])));
    sentence = random.pick(before) + sentence;
  } else {
    sentence += random.pick(after);
  }
  return sentence;
}

/// All in upper or lower case. A prompt to be copied keeps its own.
std::string change_case(std::string question, const Slots &slots, Random &random) {
  const auto prompt = slots.find("p");
  // Its first letter may be that of the sentence.
  const size_t rest =
      prompt == slots.end() ? std::string::npos : question.find(prompt->second.substr(1));
  const size_t kept = rest == std::string::npos ? rest : rest - 1;
  const bool upper = random.chance(.25);
  for (size_t i = 0; i < question.size(); ++i) {
    const auto byte = static_cast<unsigned char>(question[i]);
    if (kept == std::string::npos || i < kept || i >= kept + prompt->second.size())
      question[i] = static_cast<char>(upper ? std::toupper(byte) : std::tolower(byte));
  }
  return question;
}

std::string change_end(std::string sentence, Random &random) {
  while (!sentence.empty() && std::string(".?!").find(sentence.back()) != std::string::npos)
    sentence.pop_back();
  if (random.chance(.25))
    sentence += random.chance(.5) ? "!" : random.chance(.5) ? "??" : " ?";
  return sentence;
}

/// The words of a sentence without case and punctuation, for comparing.
std::string skeleton(const std::string &sentence) { return join(words_of(sentence)); }

bool is_unlisted(Ask ask, const std::string &sentence) {
  static const auto all = [] {
    std::map<Ask, std::set<std::string>> lists;
    for (const Ask each : all_asks)
      for (const char *unlisted : unlisted_sentences(each))
        lists[each].insert(skeleton(unlisted));
    return lists;
  }();
  const auto list = all.find(ask);
  return list != all.end() && list->second.count(skeleton(sentence)) != 0;
}

std::string training_sentence(Ask ask, Random &random) {
  const std::vector<const char *> &standard = standard_sentences(ask);
  const std::vector<const char *> &patterns = training_patterns(ask);
  const bool listed = !standard.empty() && (patterns.empty() || random.chance(.4));
  std::string sentence = expand(listed ? random.pick(standard) : random.pick(patterns), random);
  if (random.chance(.25))
    sentence = rename_picture(sentence, random);
  if (random.chance(.06))
    sentence = drop_word(sentence, random);
  if (random.chance(.08))
    sentence = replace_word(sentence, random);
  if (random.chance(.08))
    sentence = add_courtesy(sentence, random);
  if (random.chance(.12))
    sentence = change_end(sentence, random);
  return sentence;
}

} // namespace

std::string expand(const std::string &pattern, Random &random) {
  std::string sentence = join(split(expand_raw(pattern, random)));
  for (const char *mark : {"?", ".", ","})
    replace_all(sentence, std::string(" ") + mark, mark);
  return sentence;
}

std::string phrase(Ask ask, const Slots &slots, Phrasing phrasing, Random &random) {
  if (phrasing == Phrasing::Standard)
    return fill(random.pick(standard_sentences(ask)), slots);
  if (phrasing == Phrasing::Unlisted)
    return fill(random.pick(unlisted_sentences(ask)), slots);
  for (;;) {
    const std::string sentence = training_sentence(ask, random);
    if (is_unlisted(ask, sentence))
      continue;
    std::string question = fill(sentence, slots);
    if (random.chance(.10))
      return change_case(question, slots, random);
    if (random.chance(.06)) // a start in lower case
      question[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(question[0])));
    return question;
  }
}

} // namespace vlm::scenes
