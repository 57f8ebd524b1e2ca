// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/scorer.h"

#include "model/core/error.h"
#include "model/training/scenes/evaluation_set.h"

#include <nlohmann/json.hpp>

#include <fstream>

namespace vlm::scenes {
namespace {

struct Answer {
  std::string id, text;
};

std::vector<Answer> read_answers(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    fail(ErrorCategory::NotFound, path, ": cannot be opened");
  std::vector<Answer> answers;
  for (std::string line; std::getline(file, line);) {
    try {
      const auto json = nlohmann::json::parse(line);
      answers.push_back({json.at("id").get<std::string>(), json.at("text").get<std::string>()});
    } catch (const nlohmann::json::exception &) {
      fail(ErrorCategory::Format, path, ':', answers.size() + 1,
           ": not an object with id and text");
    }
  }
  return answers;
}

} // namespace

std::map<std::string, Scores> score_files(const Categories &categories,
                                          const std::string &questions,
                                          const std::string &answers) {
  const std::vector<EvaluationItem> items = read_evaluation_set(questions);
  const std::vector<Answer> given = read_answers(answers);
  if (items.size() != given.size())
    fail(ErrorCategory::Format, answers, ": ", given.size(), " answers to ", items.size(),
         " questions");
  std::map<std::string, Scorer> scorers;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].id != given[i].id)
      fail(ErrorCategory::Format, answers, ':', i + 1, ": answer \"", given[i].id,
           "\" where question \"", items[i].id, "\" comes next");
    for (const std::string &column : {std::string("all"), items[i].phrasing})
      scorers.emplace(column, categories).first->second.add(items[i].expected, given[i].text);
  }
  if (scorers.size() == 2) // one phrasing: the same twice
    scorers.erase(items.front().phrasing);
  std::map<std::string, Scores> columns;
  for (const auto &[column, scorer] : scorers)
    columns[column] = scorer.scores();
  return columns;
}

} // namespace vlm::scenes
