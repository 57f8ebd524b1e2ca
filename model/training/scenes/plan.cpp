// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace vlm::scenes {
namespace {

constexpr int most_of_a_kind = 5;
constexpr double drilled_repeat = 1. / 3;

struct Layout {
  int things = 0; ///< that are not signs
  int signs = 0;
  double repeat = 0; ///< probability of the previous kind again
  double object = 0; ///< probability of an object, else a shape
  double icon = .33; ///< probability of an icon where there is one
  double smallest_cap = 9, largest_cap = 38;
};

Layout standard(double sign, double repeat, Random &random) {
  constexpr std::array<double, 6> counts = {.17, .24, .23, .17, .11, .08};
  const int count = 1 + random.weighted(counts);
  const int signs = random.chance(sign) ? 1 : 0;
  return {count - signs, signs, repeat, .74};
}

Layout crowded(double repeat, Random &random) {
  constexpr std::array<double, 7> counts = {.08, .10, .12, .20, .20, .15, .15};
  const int count = 2 + random.weighted(counts);
  const int signs = random.chance(.5) ? 1 : 0;
  return {count - signs, signs, repeat, .88};
}

/// Many small objects: a picture costs as much to see whatever it shows.
Layout collection(Random &random) {
  const int signs = random.chance(.3) ? 1 : 0;
  return {random.between(9, 14) - signs, signs, .04, .92};
}

/// Several of a kind: a model that mostly sees single things says "one" whenever it doubts.
Layout flock(Random &random) { return {random.between(2, 7), 0, .7, .74}; }

Layout page(int signs) { return {0, signs, 0, 0, .33, 9, 27}; }

Layout draw_layout(SceneMix mix, Random &random) {
  switch (mix) {
  case SceneMix::Standard:
    return standard(.30, .33, random);
  case SceneMix::Crowded: {
    const double kind = random.uniform();
    return kind < .22   ? page(random.between(6, 12))
           : kind < .57 ? collection(random)
                        : crowded(.04, random);
  }
  case SceneMix::Talk: {
    const double kind = random.uniform();
    return kind < .15   ? crowded(.2, random)
           : kind < .25 ? page(random.between(2, 4))
           : kind < .45 ? flock(random)
                        : standard(.42, .4, random);
  }
  case SceneMix::Reading:
    return {random.below(3), 1, .1, .74};
  case SceneMix::Painting:
    return {random.between(1, 2), 0, .1, .7, 0};
  }
  return {};
}

/// One sprite: icons now and then, a source by the square root of its pictures, any of its
/// pictures.
int draw_sprite(const Sprites &sprites, int category, double icons_share, Random &random) {
  std::vector<const std::vector<int> *> colored, icons;
  for (const std::vector<int> &list : sprites.by_source(category))
    (sprites[list.front()].mono ? icons : colored).push_back(&list);
  const bool icon = colored.empty() || (!icons.empty() && random.chance(icons_share));
  const auto &sources = icon ? icons : colored;
  std::vector<double> weights;
  for (const std::vector<int> *list : sources)
    weights.push_back(std::sqrt(static_cast<double>(list->size())));
  const int source = random.weighted(weights.data(), static_cast<int>(weights.size()));
  return random.pick(*sources[static_cast<size_t>(source)]);
}

bool same_kind(const PlannedThing &a, const PlannedThing &b) {
  if (a.kind != b.kind || a.kind == ThingKind::Sign)
    return false;
  return a.kind == ThingKind::Object ? a.category == b.category
                                     : a.form == b.form && a.color == b.color;
}

PlannedThing draw_thing(const Assets &assets, const Layout &layout, const PlannedThing *previous,
                        Random &random) {
  if (previous != nullptr && random.chance(layout.repeat)) {
    PlannedThing again = *previous;
    if (again.kind == ThingKind::Object && random.chance(.5))
      again.sprite = draw_sprite(assets.sprites, again.category, layout.icon, random);
    return again;
  }
  PlannedThing thing;
  if (random.chance(layout.object)) {
    thing.category = random.pick(assets.sprites.categories());
    thing.sprite = draw_sprite(assets.sprites, thing.category, layout.icon, random);
  } else {
    thing.kind = ThingKind::Shape;
    thing.form = static_cast<Form>(random.below(form_count));
    thing.color = static_cast<Color>(random.below(color_count));
  }
  return thing;
}

/// Not more than five of a kind, and never two of what cannot be counted.
bool may_join(const Assets &assets, const std::vector<PlannedThing> &things,
              const PlannedThing &thing) {
  const auto same = std::count_if(things.begin(), things.end(), [&](const PlannedThing &other) {
    return same_kind(thing, other);
  });
  const bool mass =
      thing.kind == ThingKind::Object && assets.categories[thing.category].kind != NounKind::Count;
  return same < (mass ? 1 : most_of_a_kind);
}

/// Lower case. Random letters follow the rule for words, too, so that no held-out word slips
/// through.
std::string draw_text(const Words &words, bool held_out, Random &random) {
  if (held_out && !words.held_out.empty())
    return random.pick(words.held_out);
  if (!words.training.empty() && random.chance(.5))
    return random.pick(words.training);
  for (;;) {
    std::string text;
    for (int i = random.between(2, 6); i > 0; --i)
      text += static_cast<char>('a' + random.below(26));
    if (!is_held_out(text))
      return text;
  }
}

void to_upper(std::string &text, size_t count) {
  for (size_t i = 0; i < std::min(count, text.size()); ++i)
    text[i] = static_cast<char>(text[i] - 'a' + 'A');
}

PlannedThing draw_sign(const Assets &assets, const Layout &layout, bool held_out,
                       std::set<std::string> &used, Random &random) {
  PlannedThing sign;
  sign.kind = ThingKind::Sign;
  do
    sign.text = draw_text(assets.words, held_out, random);
  while (!used.insert(sign.text).second);
  const double style = random.uniform();
  if (style < .8)
    to_upper(sign.text, style < .6 ? sign.text.size() : 1);
  sign.cap_height = random.chance(.5) ? random.uniform(layout.smallest_cap, 14)
                                      : random.uniform(14, layout.largest_cap);
  return sign;
}

double draw_size(SceneMix mix, int things, bool shape, Random &random) {
  if (mix == SceneMix::Painting)
    return things == 1 ? random.uniform(.45, .85) : random.uniform(.36, .55);
  constexpr double smallest[] = {.28, .22, .20, .18, .17, .16, .15, .14, .13};
  constexpr double largest[] = {.75, .50, .42, .36, .32, .30, .28, .26, .25};
  const int row = std::min(things, 9) - 1;
  return random.uniform(smallest[row], largest[row]) * (shape ? .8 : 1);
}

} // namespace

std::vector<PlannedThing> plan_things(const Assets &assets, SceneMix mix,
                                      const SceneOptions &options, bool can_write, Random &random) {
  Layout layout = draw_layout(mix, random);
  if (options.drill)
    layout.repeat = drilled_repeat;
  if (!can_write && layout.signs > 0) {
    layout.things += layout.signs;
    layout.signs = 0;
    layout.object = std::max(layout.object, .74);
  }
  std::vector<PlannedThing> things;
  for (int i = 0; i < layout.things; ++i) {
    const PlannedThing thing =
        draw_thing(assets, layout, things.empty() ? nullptr : &things.back(), random);
    if (may_join(assets, things, thing))
      things.push_back(thing);
  }
  std::set<std::string> used;
  for (int i = 0; i < layout.signs; ++i)
    things.push_back(draw_sign(assets, layout, options.held_out, used, random));
  random.shuffle(things); // signs lie anywhere in the stack
  for (PlannedThing &thing : things)
    if (thing.kind != ThingKind::Sign)
      thing.size =
          draw_size(mix, static_cast<int>(things.size()), thing.kind == ThingKind::Shape, random);
  return things;
}

} // namespace vlm::scenes
