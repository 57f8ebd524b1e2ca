// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/painter_scorer.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace vlm::scenes {
namespace {

// Without a shape's color.
std::string plain_name(const Group &group) {
  const Thing &thing = group.first();
  return thing.kind == ThingKind::Shape ? form_names[static_cast<size_t>(thing.form)]
                                        : group.noun.singular;
}

std::string plain(const std::string &noun) {
  const size_t blank = noun.rfind(' ');
  const std::string last = blank == std::string::npos ? noun : noun.substr(blank + 1);
  const bool form = std::find(form_names.begin(), form_names.end(), last) != form_names.end();
  return form ? last : noun;
}

std::string capital(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

} // namespace

PainterScorer::PainterScorer(const Categories &categories)
    : categories_(categories), nouns_(categories), answers_(categories) {}

void PainterScorer::add(const Scene &scene, const Ask &ask) {
  const std::vector<Group> groups = groups_of(scene, categories_);
  add_objects(groups, ask("What is in the picture?"));
  add_colors(groups, ask);
  add_position(scene, groups, ask);
}

void PainterScorer::add_objects(const std::vector<Group> &groups, const std::string &caption) {
  std::set<std::string> named, wanted;
  for (const std::string &noun : nouns_(caption))
    named.insert(plain(noun));
  for (const Group &group : groups)
    wanted.insert(plain_name(group));
  wanted_ += static_cast<int>(wanted.size());
  found_ += static_cast<int>(std::count_if(
      wanted.begin(), wanted.end(), [&](const auto &name) { return named.count(name) > 0; }));
}

void PainterScorer::add_colors(const std::vector<Group> &groups, const Ask &ask) {
  for (const Group &group : groups) {
    const Color color = group.first().color;
    const auto same = std::count_if(groups.begin(), groups.end(), [&](const Group &other) {
      return plain_name(other) == plain_name(group);
    });
    if (!group.single() || same > 1 || color == Color::None)
      continue;
    QuestionAnswer expected;
    expected.type = QuestionType::Color;
    expected.label = name(color);
    answers_.add(expected, ask(std::string("What color ") + group.noun.is() + " the " +
                               plain_name(group) + "?"));
  }
}

void PainterScorer::add_position(const Scene &scene, const std::vector<Group> &groups,
                                 const Ask &ask) {
  if (groups.size() != 2 || !groups[0].single() || !groups[1].single())
    return;
  const auto relation = relation_of(groups[0].first(), groups[1].first(), scene);
  if (!relation)
    return;
  for (const bool holds : {true, false}) {
    const Relation asked = holds ? *relation : opposite(*relation);
    QuestionAnswer expected;
    expected.type = QuestionType::Rel;
    expected.label = holds ? "yes" : "no";
    answers_.add(expected, ask(capital(groups[0].noun.is()) + " the " + groups[0].noun.singular +
                               ' ' + relation_names[static_cast<size_t>(asked)] + " the " +
                               groups[1].noun.singular + '?'));
  }
}

Scores PainterScorer::scores() const {
  Scores out;
  if (wanted_ > 0)
    out["object_recall"] = {static_cast<double>(found_) / wanted_, wanted_};
  const Scores answers = answers_.scores();
  for (const auto &[from, to] : {std::pair("color_object", "color"), std::pair("rel", "position")})
    if (const auto found = answers.find(from); found != answers.end())
      out[to] = found->second;
  return out;
}

} // namespace vlm::scenes
