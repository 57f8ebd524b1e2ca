// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/inventory.h"

#include "model/training/scenes/nouns.h"

#include <algorithm>
#include <cmath>

namespace vlm::scenes {
namespace {

constexpr double relation_distance = .15, relation_slope = 1.5;

bool same_group(const Thing &a, const Thing &b) {
  return a.kind == b.kind && a.category == b.category && a.form == b.form && a.text == b.text &&
         (a.kind != ThingKind::Shape || a.color == b.color);
}

/// 0, 1, 2 and the distance to the nearer of the lines at 1/3 and 2/3.
std::pair<int, double> third_of(double share) {
  const int third = share < 1 / 3.0 ? 0 : share > 2 / 3.0 ? 2 : 1;
  return {third, std::min(std::abs(share - 1 / 3.0), std::abs(share - 2 / 3.0))};
}

} // namespace

const std::array<const char *, region_count> region_names = {
    "top left", "top",         "top right", "left",        "center",
    "right",    "bottom left", "bottom",    "bottom right"};
const std::array<const char *, region_count> region_phrases = {
    "at the top left",    "at the top",    "at the top right",
    "on the left",        "in the center", "on the right",
    "at the bottom left", "at the bottom", "at the bottom right"};

std::string Noun::one() const {
  return kind == NounKind::Count ? with_article(singular) : "some " + singular;
}

std::string Noun::many(int count) const {
  return count == 1 || kind != NounKind::Count ? one()
                                               : std::string(number_word(count)) + ' ' + plural;
}

Noun noun_of(const Category &category) { return {category.name, category.plural, category.kind}; }

Noun noun_of(Form form) {
  return {form_names[static_cast<size_t>(form)], form_plurals[static_cast<size_t>(form)],
          NounKind::Count};
}

Noun noun_of(Form form, Color color) {
  const Noun plain = noun_of(form);
  const std::string prefix = std::string(name(color)) + ' ';
  return {prefix + plain.singular, prefix + plain.plural, NounKind::Count};
}

Noun sign_noun() { return {"sign", "signs", NounKind::Count}; }

Noun noun_of(const Thing &thing, const Categories &categories) {
  switch (thing.kind) {
  case ThingKind::Object:
    return noun_of(categories[thing.category]);
  case ThingKind::Shape:
    return noun_of(thing.form, thing.color);
  case ThingKind::Sign:
    break;
  }
  return sign_noun();
}

std::vector<Group> groups_of(const Scene &scene, const Categories &categories) {
  std::vector<const Thing *> ordered;
  for (const Thing &thing : scene.things)
    ordered.push_back(&thing);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Thing *a, const Thing *b) { return a->box.cx() < b->box.cx(); });
  std::vector<Group> groups;
  for (const Thing *thing : ordered) {
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const Group &each) {
      return same_group(each.first(), *thing);
    });
    if (group != groups.end())
      group->things.push_back(thing);
    else
      groups.push_back({noun_of(*thing, categories), {thing}});
  }
  return groups;
}

Region region_of(const Thing &thing, const Scene &scene) {
  const auto [column, column_distance] = third_of(thing.box.cx() / scene.image.width);
  const auto [row, row_distance] = third_of(thing.box.cy() / scene.image.height);
  return {row * 3 + column, std::min(column_distance, row_distance)};
}

std::optional<Relation> relation_of(const Thing &a, const Thing &b, const Scene &scene) {
  const double side = std::max(scene.image.width, scene.image.height);
  const double dx = (b.box.cx() - a.box.cx()) / side, dy = (b.box.cy() - a.box.cy()) / side;
  if (std::abs(dx) >= relation_distance && std::abs(dx) >= relation_slope * std::abs(dy))
    return dx > 0 ? Relation::Left : Relation::Right;
  if (std::abs(dy) >= relation_distance && std::abs(dy) >= relation_slope * std::abs(dx))
    return dy > 0 ? Relation::Above : Relation::Below;
  return std::nullopt;
}

} // namespace vlm::scenes
