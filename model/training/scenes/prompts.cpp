// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/prompts.h"

#include "model/training/scenes/nouns.h"

#include <algorithm>
#include <cctype>

namespace vlm::scenes {
namespace {

std::string colored(const Noun &noun, Color color, int count) {
  const std::string prefix = std::string(name(color)) + ' ';
  return Noun{prefix + noun.singular, prefix + noun.plural, noun.kind}.many(count);
}

/// With the color word when all members have the same.
std::string item_of(const Group &group) {
  const Thing &first = group.first();
  if (first.kind == ThingKind::Sign)
    return "a sign that says " + first.text;
  const bool same = std::all_of(group.things.begin(), group.things.end(),
                                [&](const Thing *thing) { return thing->color == first.color; });
  if (first.kind == ThingKind::Object && same && first.color != Color::None)
    return colored(group.noun, first.color, group.count());
  return group.noun.many(group.count());
}

std::string random_word(const Words &words, Random &random) {
  return words.training.empty() ? "nice" : random.pick(words.training);
}

std::string random_sign(const Words &words, Random &random) {
  std::string word = random_word(words, random);
  for (char &c : word)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "a sign that says " + word;
}

std::string random_item(const Assets &assets, bool countable, Random &random) {
  if (random.chance(.25))
    return noun_of(static_cast<Form>(random.below(form_count)),
                   static_cast<Color>(random.below(color_count)))
        .many(countable && random.chance(.2) ? random.between(2, 5) : 1);
  const Noun noun = noun_of(assets.categories[random.below(assets.categories.size())]);
  if (random.chance(.35))
    return colored(noun, static_cast<Color>(random.below(color_count)), 1);
  return noun.many(countable && random.chance(.3) ? random.between(2, 5) : 1);
}

/// Words that the model knows only as letters: copying must not depend on the nouns.
std::string free_text(const Assets &assets, Random &random) {
  std::string text = with_article(random_word(assets.words, random));
  if (random.chance(.5))
    text += ' ' + assets.categories[random.below(assets.categories.size())].name;
  for (int i = random.below(3); i > 0; --i) {
    static const char *const joints[] = {" with ",   " in ",    " near ", " and ",
                                         " on the ", " under ", " "};
    text += random.pick(joints) + random_word(assets.words, random);
  }
  return text;
}

bool present(const std::vector<Group> &groups, const std::string &singular) {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const Group &group) { return group.noun.singular == singular; });
}

/// The group (animal, food, ...) of one of the scene's objects; empty without objects.
std::string present_theme(const Categories &categories, const std::vector<Group> &groups,
                          Random &random) {
  std::vector<std::string> themes;
  for (const Group &group : groups)
    if (group.first().kind == ThingKind::Object)
      themes.push_back(categories[group.first().category].group);
  return themes.empty() ? "" : random.pick(themes);
}

} // namespace

std::string join_list(const std::vector<std::string> &items) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i)
    text += (i == 0 ? "" : i + 1 == items.size() ? " and " : ", ") + items[i];
  return text;
}

std::string scene_prompt(const Scene &scene, const std::vector<Group> &groups) {
  if (groups.size() == 2 && groups[0].single() && groups[1].single())
    if (const auto relation = relation_of(groups[0].first(), groups[1].first(), scene))
      return item_of(groups[0]) + ' ' + relation_names[static_cast<size_t>(*relation)] + ' ' +
             item_of(groups[1]);
  std::vector<std::string> items;
  for (const Group &group : groups)
    items.push_back(item_of(group));
  return join_list(items);
}

std::string random_prompt(const Assets &assets, bool wide, Random &random) {
  if (wide && random.chance(.15))
    return free_text(assets, random);
  if (random.chance(.3))
    return random_item(assets, false, random) + ' ' + random.pick(relation_names) + ' ' +
           random_item(assets, false, random);
  std::vector<std::string> items;
  for (int i = random.between(1, 3); i > 0; --i)
    items.push_back(random_item(assets, true, random));
  if (wide && random.chance(.1))
    items.back() = random_sign(assets.words, random);
  return join_list(items);
}

Noun absent_category(const Categories &categories, const std::vector<Group> &groups,
                     Random &random) {
  const std::string theme = random.chance(.3) ? present_theme(categories, groups, random) : "";
  std::vector<int> candidates, others;
  for (int i = 0; i < categories.size(); ++i)
    if (!present(groups, categories[i].name))
      (categories[i].group == theme ? candidates : others).push_back(i);
  const std::vector<int> &list = candidates.empty() ? others : candidates;
  return noun_of(categories[random.pick(list)]);
}

Noun absent_noun(const Categories &categories, const std::vector<Group> &groups, Random &random) {
  if (random.chance(.75))
    return absent_category(categories, groups, random);
  for (;;) {
    const Noun noun = noun_of(static_cast<Form>(random.below(form_count)),
                              static_cast<Color>(random.below(color_count)));
    if (!present(groups, noun.singular))
      return noun;
  }
}

} // namespace vlm::scenes
