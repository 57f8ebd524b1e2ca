// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/assets.h"
#include "model/training/scenes/color.h"
#include "model/vision/image.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vlm::scenes {

constexpr int hr_side = 256;   ///< both towers' view is a square of this side, in HR pixels
constexpr int cell_side = 4;   ///< an id map's cell in HR pixels
constexpr int map_side = 64;   ///< cells a side
constexpr int token_side = 8;  ///< ViT tokens a side
constexpr int stage_side = 16; ///< the ConvNeXt class head's grid

enum class ThingKind : uint8_t { Object, Shape, Sign };
enum class Form : uint8_t { Circle, Square, Triangle, Diamond, Cross, Hexagon };
constexpr int form_count = 6;
constexpr std::array<const char *, form_count> form_names = {"circle",  "square", "triangle",
                                                             "diamond", "cross",  "hexagon"};
constexpr std::array<const char *, form_count> form_plurals = {"circles",  "squares", "triangles",
                                                               "diamonds", "crosses", "hexagons"};

struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  double cx() const { return (x0 + x1) / 2; }
  double cy() const { return (y0 + y1) / 2; }
  double width() const { return x1 - x0; }
  double height() const { return y1 - y0; }
};

struct Glyph {
  char letter = 0; ///< 'A'..'Z' whatever the case drawn
  Box box;         ///< HR coordinates
};

struct Thing {
  ThingKind kind = ThingKind::Object;
  int category = -1;         ///< objects
  Form form = Form::Circle;  ///< shapes
  Color color = Color::None; ///< shapes always; objects whose color is sure; never signs
  std::string text;          ///< signs, upper case
  double cap_height = 0;     ///< signs, HR pixels
  bool small_text = false;   ///< signs: cap height below 14
  std::vector<Glyph> glyphs; ///< signs
  Box box;                   ///< in the picture (unpadded), pixels
  Box hr_box;                ///< after padding and resizing to 256
  int sprite = -1;           ///< objects: number in the pack
};

struct Scene {
  Image image;               ///< unpadded
  std::vector<Thing> things; ///< back to front
  /// map_side^2, row-major: 0 background, i + 1 where thing i is on top (alpha above .43).
  std::vector<uint8_t> ids;
};

/// Classes of the dense heads: 0 background, 1 + category, then the forms, then sign.
inline int class_count(int categories) { return categories + form_count + 2; }
int class_of(const Thing &thing, int categories);
constexpr int letter_classes = 27; ///< per cell: 0 none, 1..26

/// Targets of the dense heads (README 6.3), row-major.
struct DenseLabels {
  std::array<int16_t, token_side * token_side>
      token_class{}; ///< covers most, at least 10 of 64 cells
  std::array<int16_t, token_side * token_side>
      centre_class{};                                        ///< thing whose box centre lies in it
  std::array<int8_t, token_side * token_side> token_color{}; ///< of the token_class thing
  std::array<uint8_t, token_side * token_side * 26> token_letters{}; ///< 1: its centre lies in it
  std::array<int16_t, stage_side * stage_side> stage_class{};        ///< at least 6 of 16 cells
  std::array<uint8_t, map_side * map_side> cell_letter{};            ///< inside a glyph's box
  bool has_sign = false;
};
DenseLabels dense_labels(const Scene &scene, int categories);

/// What a stage of training sees.
enum class SceneMix {
  Standard, ///< section 2
  Crowded,  ///< section 6.2: crowded scenes, 22 % pages of 6 to 12 signs, and 35 % collections of
            ///< 9 to 14 small things
  Talk,    ///< stage 2: standard with signs in .42 and more repetition, 20 % flocks of a few kinds,
           ///< 15 % crowded, 10 % pages of 2 to 4 signs
  Reading, ///< one to three signs and little else: for measuring reading
  Painting, ///< one or two large things in their own colors on a square, flat or gradient: for
            ///< painters
};

struct SceneOptions {
  int min_side = 256, max_side = 256; ///< of the padded square; drawn uniformly
  bool augment = true;                ///< restyling of sprites; off for evaluation
  bool held_out = false;              ///< words of the held-out tenth only
  /// For painters that learn: a fifth of the objects has a color that need not be theirs, so that a
  /// color's name means something for all; a third of the second things is as the first, so that
  /// plurals are learnt. Things of one kind are dyed alike.
  bool drill = false;
};

/// Composes scenes. Holds font faces: one per thread; the assets are shared.
class SceneMaker {
public:
  SceneMaker(const Assets &assets, SceneOptions options = {});
  ~SceneMaker();
  SceneMaker(SceneMaker &&) noexcept;

  /// Depends on (seed, index), the mix, the options and the assets alone.
  Scene operator()(SceneMix mix, uint64_t seed, uint64_t index);

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace vlm::scenes
