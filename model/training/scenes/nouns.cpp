// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/nouns.h"

#include "model/training/scenes/scene.h"

#include <algorithm>
#include <cctype>

namespace vlm::scenes {
namespace {

constexpr std::array<const char *, 11> number_words = {
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};

bool is_color(const std::string &word) {
  return std::find(color_names.begin(), color_names.end(), word) != color_names.end();
}

/// "sign that says WORD" gives way to nothing, so that no word of a sign counts as a noun.
std::vector<std::string> without_signs(std::vector<std::string> words) {
  for (size_t i = 0; i + 2 < words.size();)
    if (words[i] == "sign" && words[i + 1] == "that" && words[i + 2] == "says") {
      const auto from = words.begin() + static_cast<ptrdiff_t>(i);
      words.erase(from, from + std::min<ptrdiff_t>(4, words.end() - from));
    } else {
      ++i;
    }
  return words;
}

} // namespace

std::string with_article(const std::string &noun) {
  const bool vowel = !noun.empty() && std::string("aeiou").find(noun.front()) != std::string::npos;
  return (vowel && noun.rfind("uni", 0) != 0 ? "an " : "a ") + noun;
}

const char *number_word(int number) { return number_words.at(static_cast<size_t>(number)); }

int number_of(const std::string &word) {
  if (!word.empty() &&
      std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c); }))
    return word.size() < 7 ? std::stoi(word) : -1;
  const auto found = std::find(number_words.begin(), number_words.end(), word);
  return found == number_words.end() ? -1 : static_cast<int>(found - number_words.begin());
}

std::string normalized(const std::string &text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isspace(byte))
      result += static_cast<char>(std::tolower(byte));
    else if (!result.empty() && result.back() != ' ')
      result += ' ';
  }
  if (!result.empty() && result.back() == ' ')
    result.pop_back();
  return result;
}

std::vector<std::string> words_of(const std::string &text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || byte >= 128)
      words.back() += static_cast<char>(std::tolower(byte));
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty())
    words.pop_back();
  return words;
}

NounFinder::NounFinder(const Categories &categories) {
  for (int i = 0; i < categories.size(); ++i) {
    entries_.push_back({words_of(categories[i].name), categories[i].name, false});
    entries_.push_back({words_of(categories[i].plural), categories[i].name, false});
  }
  for (size_t i = 0; i < form_count; ++i) {
    entries_.push_back({{form_names[i]}, form_names[i], true});
    entries_.push_back({{form_plurals[i]}, form_names[i], true});
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry &a, const Entry &b) { return a.words.size() > b.words.size(); });
}

std::set<std::string> NounFinder::operator()(const std::string &text) const {
  const std::vector<std::string> words = without_signs(words_of(text));
  std::set<std::string> nouns;
  for (size_t i = 0; i < words.size();) {
    const auto starts_here = [&](const Entry &entry) {
      return entry.words.size() <= words.size() - i &&
             std::equal(entry.words.begin(), entry.words.end(),
                        words.begin() + static_cast<ptrdiff_t>(i));
    };
    const auto entry = std::find_if(entries_.begin(), entries_.end(), starts_here);
    if (entry == entries_.end()) {
      ++i;
      continue;
    }
    const bool colored = entry->form && i > 0 && is_color(words[i - 1]);
    nouns.insert(colored ? words[i - 1] + ' ' + entry->noun : entry->noun);
    i += entry->words.size();
  }
  return nouns;
}

} // namespace vlm::scenes
