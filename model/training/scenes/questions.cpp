// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/questions.h"

#include "model/training/scenes/inventory.h"
#include "model/training/scenes/nouns.h"
#include "model/training/scenes/phrasing.h"
#include "model/training/scenes/prompts.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace vlm::scenes {
namespace {

constexpr double where_clearance = .04, what_at_clearance = .02;

std::string sentence(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + '.';
}

std::string list_of(const std::vector<Group> &groups) {
  std::vector<std::string> items;
  for (const Group &group : groups)
    items.push_back(group.first().kind == ThingKind::Sign ? "a sign that says " + group.first().text
                                                          : group.noun.many(group.count()));
  return join_list(items);
}

/// Other words for a place; the answers keep the listed ones.
std::string region_words(int region, Phrasing phrasing, Random &random) {
  const std::string name = region_names[static_cast<size_t>(region)];
  const std::string listed = region_phrases[static_cast<size_t>(region)];
  if (phrasing != Phrasing::Training || random.chance(.5))
    return listed;
  if (region == 4)
    return expand("[in|at] the [middle|center|centre] [||of the [picture|image|photo]]", random);
  if (name.find(' ') == std::string::npos) {
    const std::string side = name == "left" || name == "right" ? name + "[| hand]" : name;
    return expand("[at|on|near|along] the " + side +
                      " [side|edge|] [||of the [picture|image|photo]]",
                  random);
  }
  std::string corner = name;
  if (random.chance(.4))
    corner = (region < 3 ? "upper" : "lower") + name.substr(name.find(' '));
  return expand("[in|at] the " + corner + " [corner|part|] [||of the [picture|image|photo]]",
                random);
}

std::string relation_words(Relation relation, Phrasing phrasing, Random &random) {
  const std::string listed = relation_names[static_cast<size_t>(relation)];
  if (phrasing != Phrasing::Training || random.chance(.6))
    return listed;
  switch (relation) {
  case Relation::Left:
    return expand("[to the left of|on the left of|left from|on the left side of]", random);
  case Relation::Right:
    return expand("[to the right of|on the right of|right from|on the right side of]", random);
  case Relation::Above:
    return expand("[over|higher than|on top of|up from]", random);
  case Relation::Below:
    return expand("[under|lower than|beneath|underneath]", random);
  }
  return listed;
}

/// Something that a name picks out of the scene without doubt.
struct Named {
  Noun noun;
  const Thing *thing;
};

/// A question and the thing it is about, for later turns.
struct Asked {
  QuestionAnswer item;
  const Thing *thing = nullptr;
};

/// Writes all kinds of questions about one scene.
class Asker {
public:
  Asker(const Scene &scene, const Assets &assets, Phrasing phrasing, Random &random)
      : scene_(scene), assets_(assets), phrasing_(phrasing), random_(random),
        groups_(groups_of(scene, assets.categories)), named_(find_named()) {}

  std::vector<Asked> ask_all();
  std::vector<Asked> follow_ups(const Thing &thing);

private:
  bool training() const { return phrasing_ == Phrasing::Training; }
  std::vector<Named> find_named() const;
  const Group *sign_group() const;
  int count_of(ThingKind kind, Form form) const;
  std::vector<const Thing *> things_in(int region) const;
  Slots slots_of(const Noun &noun) const;
  std::string ask(Ask kind, const Slots &slots) { return phrase(kind, slots, phrasing_, random_); }
  void add(QuestionType type, std::string question, std::string answer, std::string label = "",
           const Thing *thing = nullptr);

  void ask_caption();
  void ask_yes_no();
  void ask_present(const Noun &noun, const Thing *thing, bool yes);
  void ask_sign_text();
  void ask_count();
  void ask_count_of(const Noun &noun, int count);
  void ask_color();
  void ask_where();
  void ask_what_at();
  void ask_relation();
  void ask_read();
  void ask_read_at();
  void ask_refused();
  void ask_painting();

  const Scene &scene_;
  const Assets &assets_;
  Phrasing phrasing_;
  Random &random_;
  std::vector<Group> groups_;
  std::vector<Named> named_;
  std::vector<Asked> asked_;
};

std::vector<Named> Asker::find_named() const {
  std::vector<Named> named;
  const int signs = count_of(ThingKind::Sign, {});
  for (const Group &group : groups_)
    if (group.single() && (group.first().kind != ThingKind::Sign || signs == 1))
      named.push_back({group.noun, &group.first()});
  return named;
}

const Group *Asker::sign_group() const {
  for (const Group &group : groups_)
    if (group.first().kind == ThingKind::Sign)
      return &group;
  return nullptr;
}

/// `form` counts for shapes only.
int Asker::count_of(ThingKind kind, Form form) const {
  return static_cast<int>(
      std::count_if(scene_.things.begin(), scene_.things.end(), [&](const Thing &thing) {
        return thing.kind == kind && (kind != ThingKind::Shape || thing.form == form);
      }));
}

std::vector<const Thing *> Asker::things_in(int region) const {
  std::vector<const Thing *> things;
  for (const Thing &thing : scene_.things)
    if (region_of(thing, scene_).number == region)
      things.push_back(&thing);
  return things;
}

Slots Asker::slots_of(const Noun &noun) const {
  return {{"a", noun.one()},
          {"sg", noun.singular},
          {"pl", noun.plural},
          {"is", noun.is()},
          {"does", noun.does()}};
}

void Asker::add(QuestionType type, std::string question, std::string answer, std::string label,
                const Thing *thing) {
  Asked asked;
  asked.item.type = type;
  asked.item.question = std::move(question);
  asked.item.answer = std::move(answer);
  asked.item.label = std::move(label);
  asked.item.small_text = type == QuestionType::Read && thing != nullptr && thing->small_text;
  asked.item.of_shape =
      type == QuestionType::Color && thing != nullptr && thing->kind == ThingKind::Shape;
  asked.thing = thing;
  asked_.push_back(std::move(asked));
}

void Asker::ask_caption() {
  add(QuestionType::Caption, ask(Ask::Caption, {}), caption(scene_, assets_.categories));
}

void Asker::ask_present(const Noun &noun, const Thing *thing, bool yes) {
  const Ask kind = noun.kind == NounKind::Count ? Ask::YesNo : Ask::YesNoMass;
  const std::string answer =
      yes ? std::string("Yes, there ") + noun.is() + ' ' + noun.one() + '.'
          : std::string("No, there ") + noun.is() + " no " + noun.singular + '.';
  add(QuestionType::YesNo, ask(kind, slots_of(noun)), answer, yes ? "yes" : "no", thing);
}

/// "Is there a sign that says STOP?", training only.
void Asker::ask_sign_text() {
  const Group *sign = sign_group();
  if (sign == nullptr || assets_.words.training.empty() || !random_.chance(.3))
    return;
  std::string text = sign->first().text;
  const bool yes = random_.chance(.5);
  if (!yes) {
    text = random_.pick(assets_.words.training);
    for (char &c : text)
      c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const Thing &thing : scene_.things)
      if (thing.text == text)
        return;
  }
  const std::string noun = "sign that says " + text;
  ask_present({noun, "signs that say " + text, NounKind::Count}, nullptr, yes);
}

void Asker::ask_yes_no() {
  const int draws = training() ? 2 : 1;
  for (int i = 0; i < draws; ++i) {
    if (!groups_.empty()) {
      const Group &group = random_.pick(groups_);
      const bool shape = group.first().kind == ThingKind::Shape;
      const Noun noun =
          shape && training() && random_.chance(.25) ? noun_of(group.first().form) : group.noun;
      ask_present(noun, group.single() ? &group.first() : nullptr, true);
    }
    ask_present(absent_noun(assets_.categories, groups_, random_), nullptr, false);
  }
  if (training() && sign_group() == nullptr && random_.chance(.1))
    ask_present(sign_noun(), nullptr, false);
  if (training())
    ask_sign_text();
}

void Asker::ask_count_of(const Noun &noun, int count) {
  const std::string words = count == 0   ? "no " + noun.plural
                            : count == 1 ? "one " + noun.singular
                                         : std::string(number_word(count)) + ' ' + noun.plural;
  add(QuestionType::Count, ask(Ask::Count, slots_of(noun)),
      std::string("There ") + (count == 1 ? "is " : "are ") + words + '.', number_word(count));
}

void Asker::ask_count() {
  std::vector<const Group *> countable;
  for (const Group &group : groups_)
    if (group.noun.kind == NounKind::Count && group.first().kind != ThingKind::Sign)
      countable.push_back(&group);
  random_.shuffle(countable);
  // Groups of several come first: scenes have many more single things.
  std::stable_partition(countable.begin(), countable.end(),
                        [](const Group *group) { return !group->single(); });
  const size_t draws = std::min<size_t>(countable.size(), training() ? 3 : 1);
  for (size_t i = 0; i < draws; ++i) {
    const Thing &first = countable[i]->first();
    const int of_form = count_of(ThingKind::Shape, first.form);
    if (training() && first.kind == ThingKind::Shape && of_form <= 5 && random_.chance(.25))
      ask_count_of(noun_of(first.form), of_form);
    else
      ask_count_of(countable[i]->noun, countable[i]->count());
  }
  if (!random_.chance(training() ? .5 : .25))
    return;
  const Noun absent = absent_noun(assets_.categories, groups_, random_);
  if (absent.kind == NounKind::Count)
    ask_count_of(absent, 0);
}

void Asker::ask_color() {
  std::vector<Named> candidates;
  for (const Named &each : named_) {
    if (each.thing->color == Color::None)
      continue;
    if (each.thing->kind == ThingKind::Object)
      candidates.push_back(each);
    else if (count_of(ThingKind::Shape, each.thing->form) == 1)
      candidates.push_back({noun_of(each.thing->form), each.thing});
  }
  random_.shuffle(candidates);
  const size_t draws = std::min<size_t>(candidates.size(), training() ? 3 : 1);
  for (size_t i = 0; i < draws; ++i) {
    const auto &[noun, thing] = candidates[i];
    add(QuestionType::Color, ask(Ask::Color, slots_of(noun)),
        "The " + noun.singular + ' ' + noun.is() + ' ' + name(thing->color) + '.',
        name(thing->color), thing);
  }
}

void Asker::ask_where() {
  std::vector<Named> candidates;
  for (const Named &each : named_)
    if (region_of(*each.thing, scene_).clearance >= where_clearance)
      candidates.push_back(each);
  random_.shuffle(candidates);
  const size_t draws = std::min<size_t>(candidates.size(), training() ? 3 : 1);
  for (size_t i = 0; i < draws; ++i) {
    const auto &[noun, thing] = candidates[i];
    const auto region = static_cast<size_t>(region_of(*thing, scene_).number);
    add(QuestionType::Where, ask(Ask::Where, slots_of(noun)),
        "The " + noun.singular + ' ' + noun.is() + ' ' + region_phrases[region] + '.',
        region_names[region], thing);
  }
}

void Asker::ask_what_at() {
  for (const Thing &thing : scene_.things)
    if (region_of(thing, scene_).clearance < what_at_clearance)
      return;
  std::vector<int> taken, empty;
  for (int region = 0; region < region_count; ++region) {
    const size_t count = things_in(region).size();
    if (count < 2)
      (count == 1 ? taken : empty).push_back(region);
  }
  random_.shuffle(taken);
  const auto ask_region = [&](int region) {
    return ask(Ask::WhatAt, {{"region", region_words(region, phrasing_, random_)}});
  };
  const size_t draws = std::min<size_t>(taken.size(), training() ? 2 : 1);
  for (size_t i = 0; i < draws; ++i) {
    const Thing &thing = *things_in(taken[i]).front();
    const bool sign = thing.kind == ThingKind::Sign;
    const std::string what =
        sign ? "a sign that says " + thing.text : noun_of(thing, assets_.categories).one();
    add(QuestionType::WhatAt, ask_region(taken[i]), sentence(what), sign ? "sign" : "", &thing);
  }
  if (empty.empty() || !random_.chance(.3))
    return;
  const int region = random_.pick(empty);
  add(QuestionType::WhatAt, ask_region(region),
      std::string("There is nothing ") + region_phrases[static_cast<size_t>(region)] + '.',
      "nothing");
}

void Asker::ask_relation() {
  struct Pair {
    const Named *a, *b;
    Relation relation;
  };
  std::vector<Pair> pairs;
  for (const Named &a : named_)
    for (const Named &b : named_)
      if (&a != &b)
        if (const auto relation = relation_of(*a.thing, *b.thing, scene_))
          pairs.push_back({&a, &b, *relation});
  random_.shuffle(pairs);
  const size_t draws = std::min<size_t>(pairs.size(), training() ? 6 : 1);
  for (size_t i = 0; i < draws; ++i) {
    const Pair &pair = pairs[i];
    const bool yes = random_.chance(.5);
    Relation asked = pair.relation;
    if (!yes) // the opposite, or one of the two across
      asked = random_.chance(.6)
                  ? opposite(asked)
                  : static_cast<Relation>((static_cast<int>(asked) ^ 2) ^ random_.below(2));
    Slots slots = slots_of(pair.a->noun);
    slots["sg2"] = pair.b->noun.singular;
    slots["rel"] = relation_words(asked, phrasing_, random_);
    const std::string subject = pair.a->noun.is_plural() ? "they are" : "it is";
    add(QuestionType::Rel, ask(Ask::Rel, slots),
        yes ? "Yes, " + subject + '.' : "No, " + subject + " not.", yes ? "yes" : "no");
  }
}

void Asker::ask_read() {
  const Group *sign = sign_group();
  const int signs = count_of(ThingKind::Sign, {});
  if (signs == 1)
    add(QuestionType::Read, ask(Ask::Read, {}), "The sign says " + sign->first().text + '.',
        sign->first().text, &sign->first());
  if (training() && signs > 0)
    ask_read_at();
}

/// Signs named by their place.
void Asker::ask_read_at() {
  std::vector<const Thing *> signs;
  for (const Group &group : groups_)
    if (group.first().kind == ThingKind::Sign)
      signs.push_back(&group.first());
  random_.shuffle(signs);
  int left = 4;
  for (const Thing *sign : signs) {
    const Region region = region_of(*sign, scene_);
    const std::vector<const Thing *> things = things_in(region.number);
    const auto same = std::count_if(things.begin(), things.end(), [](const Thing *thing) {
      return thing->kind == ThingKind::Sign;
    });
    if (region.clearance < where_clearance || same != 1 || left-- == 0)
      continue;
    add(QuestionType::Read,
        ask(Ask::ReadAt, {{"region", region_words(region.number, phrasing_, random_)}}),
        "The sign says " + sign->text + '.', sign->text, sign);
  }
}

void Asker::ask_refused() {
  if (sign_group() == nullptr && random_.chance(.25))
    return add(QuestionType::Refuse, ask(Ask::Read, {}), "There is no sign in the picture.");
  const bool color = random_.chance(.5);
  Noun noun = absent_category(assets_.categories, groups_, random_);
  if (!color && random_.chance(.25))
    noun = absent_noun(assets_.categories, groups_, random_);
  add(QuestionType::Refuse, ask(color ? Ask::Color : Ask::Where, slots_of(noun)),
      std::string("There ") + noun.is() + " no " + noun.singular + " in the picture.");
}

void Asker::ask_painting() {
  if (random_.chance(.35) && !groups_.empty()) {
    const std::string prompt = scene_prompt(scene_, groups_);
    add(QuestionType::GenScene, ask(Ask::Draw, {}) + " <GEN>", "<h>" + prompt + "</h>", prompt);
  }
  if (random_.chance(.4)) {
    QuestionAnswer item = generation_question(assets_, random_, phrasing_);
    asked_.push_back({std::move(item), nullptr});
  }
}

std::vector<Asked> Asker::ask_all() {
  asked_.clear();
  for (int left = groups_.empty() ? 0 : training() ? 2 : 1; left > 0; --left)
    ask_caption();
  ask_yes_no();
  ask_count();
  ask_color();
  ask_where();
  ask_what_at();
  ask_relation();
  ask_read();
  for (int left = training() ? 2 : static_cast<int>(random_.chance(.5)); left > 0; --left)
    ask_refused();
  ask_painting();
  random_.shuffle(asked_);
  std::set<std::string> seen;
  const auto repeated = [&](const Asked &each) { return !seen.insert(each.item.question).second; };
  asked_.erase(std::remove_if(asked_.begin(), asked_.end(), repeated), asked_.end());
  return std::move(asked_);
}

/// "Where is it?" and "What color is it?" after a turn about a thing.
std::vector<Asked> Asker::follow_ups(const Thing &thing) {
  asked_.clear();
  const Noun noun = noun_of(thing, assets_.categories);
  const Slots slots = {{"is", noun.is()},
                       {"it", noun.is_plural() ? "they" : "it"},
                       {"its", noun.is_plural() ? "their" : "its"}};
  const std::string start = "The " + noun.singular + ' ' + noun.is() + ' ';
  const Region region = region_of(thing, scene_);
  if (region.clearance >= where_clearance) {
    const auto number = static_cast<size_t>(region.number);
    add(QuestionType::Where, ask(Ask::WhereIt, slots), start + region_phrases[number] + '.',
        region_names[number]);
  }
  if (thing.color != Color::None && thing.kind == ThingKind::Object)
    add(QuestionType::Color, ask(Ask::ColorIt, slots), start + name(thing.color) + '.',
        name(thing.color));
  random_.shuffle(asked_);
  return std::move(asked_);
}

} // namespace

const char *name(QuestionType type) {
  constexpr const char *names[question_type_count] = {"caption", "yesno",     "count",   "color",
                                                      "where",   "what_at",   "rel",     "read",
                                                      "refuse",  "gen_scene", "gen_text"};
  return names[static_cast<size_t>(type)];
}

std::string caption(const Scene &scene, const Categories &categories) {
  const std::vector<Group> groups = groups_of(scene, categories);
  return groups.empty() ? "Nothing." : sentence(list_of(groups));
}

std::vector<QuestionAnswer> questions(const Scene &scene, const Assets &assets, Random &random,
                                      const QuestionOptions &options) {
  std::vector<QuestionAnswer> items;
  for (Asked &asked : Asker(scene, assets, options.phrasing, random).ask_all()) {
    if (static_cast<int>(items.size()) == options.limit)
      break;
    items.push_back(std::move(asked.item));
  }
  return items;
}

std::vector<QuestionAnswer> conversation(const Scene &scene, const Assets &assets, Random &random,
                                         int turns) {
  Asker asker(scene, assets, Phrasing::Training, random);
  std::vector<QuestionAnswer> items;
  for (Asked &asked : asker.ask_all()) {
    if (static_cast<int>(items.size()) >= turns)
      break;
    items.push_back(std::move(asked.item));
    if (asked.thing == nullptr || !random.chance(.6))
      continue;
    const bool known_place = items.back().type == QuestionType::Where;
    const bool known_color = items.back().type == QuestionType::Color;
    for (Asked &next : asker.follow_ups(*asked.thing))
      if (static_cast<int>(items.size()) < turns &&
          !(known_place && next.item.type == QuestionType::Where) &&
          !(known_color && next.item.type == QuestionType::Color))
        items.push_back(std::move(next.item));
  }
  return items;
}

QuestionAnswer generation_question(const Assets &assets, Random &random, Phrasing phrasing) {
  QuestionAnswer item;
  item.type = QuestionType::GenText;
  item.label = random_prompt(assets, phrasing == Phrasing::Training, random);
  item.question = phrase(Ask::DrawText, {{"p", item.label}}, phrasing, random) + " <GEN>";
  item.answer = "<h>" + item.label + "</h>";
  return item;
}

} // namespace vlm::scenes
