// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scene_samples.h"

#include "model/vision/preprocess.h"

namespace vlm {
namespace {

using namespace scenes;

constexpr uint64_t kQuestionStream =
    0x5eed0f9a;                        // apart from the random numbers that drew the scene
constexpr double kMultiTurn = .25;     // pictures with a conversation of several turns
constexpr double kWithoutPicture = .4; // pictures with a question that needs none
constexpr const char *kTemplate = "vlm_tiny";

Turn picture_turn(const QuestionAnswer &from) {
  return {with_images(from.question, 1), from.answer};
}

PackedQuestions ask(const SceneSource &source, const Scene &scene, Random &random) {
  const Tokenizer &tokenizer = *source.tokenizer;
  std::vector<SupervisedIds> all;
  QuestionOptions options;
  options.limit = source.questions;
  for (const QuestionAnswer &item : questions(scene, *source.assets, random, options))
    all.push_back(supervise(tokenizer, kTemplate, {picture_turn(item)}));
  if (random.chance(kMultiTurn)) {
    std::vector<Turn> turns;
    for (const QuestionAnswer &item :
         conversation(scene, *source.assets, random, random.between(2, 4)))
      turns.push_back(turns.empty() ? picture_turn(item) : Turn{item.question, item.answer});
    all.push_back(supervise(tokenizer, kTemplate, turns));
  }
  if (random.chance(kWithoutPicture)) {
    const auto item = generation_question(*source.assets, random, options.phrasing);
    all.push_back(supervise(tokenizer, kTemplate, {{item.question, item.answer}}));
  }
  return PackedQuestions(all, source.config.tokens());
}

} // namespace

OrderedLoader<Sample>::Make scene_samples(const SceneSource &source) {
  const auto maker = std::make_shared<SceneMaker>(*source.assets, source.options);
  return [source, maker](uint64_t index) {
    const Scene scene = (*maker)(source.mix, source.seed, index);
    auto sample = std::make_shared<Sample>();
    const PixelValues pixels =
        preprocess(scene.image, source.config.vision(), source.config.image_size);
    sample->images = pixels.images;
    sample->images_aux = pixels.images_aux;
    sample->labels = dense_labels(scene, source.assets->categories.size());
    if (source.tokenizer) {
      Random random(source.seed ^ kQuestionStream, index);
      sample->questions = ask(source, scene, random);
    }
    return sample;
  };
}

} // namespace vlm
