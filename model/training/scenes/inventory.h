// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/categories.h"
#include "model/training/scenes/scene.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace vlm::scenes {

/// The words for one kind of thing.
struct Noun {
  std::string singular, plural;
  NounKind kind = NounKind::Count;

  bool is_plural() const { return kind == NounKind::MassPlural; }
  const char *is() const { return is_plural() ? "are" : "is"; }
  const char *does() const { return is_plural() ? "do" : "does"; }
  std::string one() const;           ///< "a dog", "some bread"
  std::string many(int count) const; ///< "a dog", "two dogs"; "some bread" whatever the count
};

Noun noun_of(const Category &category);
Noun noun_of(Form form);
Noun noun_of(Form form, Color color);
/// "dog", "red circle", "sign".
Noun noun_of(const Thing &thing, const Categories &categories);
Noun sign_noun();

/// Equal things of a scene: one category, one form in one color, or one sign.
struct Group {
  Noun noun;
  std::vector<const Thing *> things; ///< leftmost centre first
  const Thing &first() const { return *things.front(); }
  int count() const { return static_cast<int>(things.size()); }
  bool single() const { return things.size() == 1; }
};

/// Ordered by the centre of the leftmost member. Points into the scene.
std::vector<Group> groups_of(const Scene &scene, const Categories &categories);

constexpr int region_count = 9;                                     ///< row by row
extern const std::array<const char *, region_count> region_names;   ///< "top left", "center", ...
extern const std::array<const char *, region_count> region_phrases; ///< "at the top left", ...

struct Region {
  int number = 0;
  double clearance = 0; ///< distance of the centre to the nearest dividing line, in picture sides
};
Region region_of(const Thing &thing, const Scene &scene);

enum class Relation { Left, Right, Above, Below };
constexpr std::array<const char *, 4> relation_names = {"left of", "right of", "above", "below"};
inline Relation opposite(Relation r) { return static_cast<Relation>(static_cast<int>(r) ^ 1); }
/// Where `a` is, seen from `b`, when that is clear.
std::optional<Relation> relation_of(const Thing &a, const Thing &b, const Scene &scene);

} // namespace vlm::scenes
