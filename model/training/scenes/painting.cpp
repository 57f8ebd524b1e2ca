// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/painting.h"

#include "model/training/scenes/inventory.h"
#include "model/training/scenes/prompts.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>

namespace vlm::scenes {
namespace {

constexpr double smallest = .35;                       // of the picture's side
constexpr uint64_t attempt_stream = uint64_t{1} << 40; // seeds apart from all others

bool large_enough(const Scene &scene) {
  return !scene.things.empty() &&
         std::all_of(scene.things.begin(), scene.things.end(), [&](const Thing &thing) {
           return std::max(thing.box.width(), thing.box.height()) >= smallest * scene.image.width;
         });
}

} // namespace

SceneOptions painting_options() {
  SceneOptions options;
  options.augment = false;
  return options;
}

PromptedScene make_painting(SceneMaker &make, const Assets &assets, uint64_t seed, uint64_t index,
                            bool held_out) {
  for (;; seed += attempt_stream) {
    PromptedScene out{make(SceneMix::Painting, seed, index), {}};
    if (!large_enough(out.scene))
      continue;
    out.prompt = scene_prompt(out.scene, groups_of(out.scene, assets.categories));
    if (is_held_out(out.prompt) == held_out)
      return out;
  }
}

Image shrunk(const Image &image, int side) {
  Image out{side, side, std::vector<uint8_t>(size_t(side) * size_t(side) * 3)};
  const cv::Mat from(image.height, image.width, CV_8UC3, const_cast<uint8_t *>(image.rgb.data()));
  cv::Mat to(side, side, CV_8UC3, out.rgb.data());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_AREA);
  return out;
}

} // namespace vlm::scenes
