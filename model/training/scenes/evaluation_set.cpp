// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/evaluation_set.h"

#include "model/core/error.h"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace vlm::scenes {
namespace {

namespace fs = std::filesystem;

/// Returns the file's name.
std::string write_picture(const Image &image, const std::string &directory, int number, bool jpeg,
                          int quality) {
  char name[32];
  std::snprintf(name, sizeof name, "%05d.%s", number, jpeg ? "jpg" : "png");
  const cv::Mat view(image.height, image.width, CV_8UC3, const_cast<uint8_t *>(image.rgb.data()));
  cv::Mat swapped;
  cv::cvtColor(view, swapped, cv::COLOR_RGB2BGR);
  const std::string path = (fs::path(directory) / name).string();
  const std::vector<int> settings =
      jpeg ? std::vector<int>{cv::IMWRITE_JPEG_QUALITY, quality} : std::vector<int>{};
  if (!cv::imwrite(path, swapped, settings))
    fail(ErrorCategory::Unreadable, path, ": cannot be written");
  return name;
}

std::string to_line(const std::string &id, const std::string &image, const char *phrasing,
                    const QuestionAnswer &item) {
  nlohmann::ordered_json json = {{"id", id},
                                 {"images", {image}},
                                 {"question", item.question},
                                 {"type", name(item.type)},
                                 {"answer", item.answer},
                                 {"label", item.label},
                                 {"small", item.small_text},
                                 {"shape", item.of_shape},
                                 {"phrasing", phrasing}};
  return json.dump() + '\n';
}

QuestionType type_named(const std::string &text) {
  for (int i = 0; i < question_type_count; ++i)
    if (text == name(static_cast<QuestionType>(i)))
      return static_cast<QuestionType>(i);
  fail(ErrorCategory::Format, "unknown type of question \"", text, '"');
}

EvaluationItem parse_item(const std::string &line, const fs::path &folder) {
  const auto json = nlohmann::json::parse(line);
  EvaluationItem item;
  item.id = json.at("id").get<std::string>();
  if (!json.at("images").empty())
    item.image = (folder / json.at("images").at(0).get<std::string>()).string();
  item.phrasing = json.at("phrasing").get<std::string>();
  item.expected.type = type_named(json.at("type").get<std::string>());
  item.expected.question = json.at("question").get<std::string>();
  item.expected.answer = json.at("answer").get<std::string>();
  item.expected.label = json.at("label").get<std::string>();
  item.expected.small_text = json.at("small").get<bool>();
  item.expected.of_shape = json.at("shape").get<bool>();
  return item;
}

} // namespace

void make_evaluation_set(const Assets &assets, const std::string &directory,
                         const EvaluationOptions &options) {
  fs::create_directories(directory);
  const std::string list = (fs::path(directory) / "questions.jsonl").string();
  std::ofstream lines(list, std::ios::binary);
  if (!lines)
    fail(ErrorCategory::Unreadable, list, ": cannot be written");
  SceneOptions scene_options;
  scene_options.min_side = options.min_side;
  scene_options.max_side = options.max_side;
  scene_options.augment = false;
  scene_options.held_out = true;
  SceneMaker maker(assets, scene_options);
  for (int i = 0; i < options.pictures; ++i) {
    const Scene scene = maker(options.mix, options.seed, static_cast<uint64_t>(i));
    Random random(options.seed + 1, static_cast<uint64_t>(i));
    const bool jpeg = random.chance(options.jpeg);
    const int quality = random.between(60, 95);
    const std::string image = write_picture(scene.image, directory, i, jpeg, quality);
    const bool unlisted = random.chance(options.unlisted);
    QuestionOptions question_options;
    question_options.phrasing = unlisted ? Phrasing::Unlisted : Phrasing::Standard;
    question_options.limit = options.questions_per_picture;
    int number = 0;
    for (const QuestionAnswer &item : questions(scene, assets, random, question_options))
      lines << to_line(std::to_string(i) + '-' + std::to_string(number++), image,
                       unlisted ? "unlisted" : "standard", item);
  }
  if (!lines.flush())
    fail(ErrorCategory::Unreadable, list, ": cannot be written");
}

std::vector<EvaluationItem> read_evaluation_set(const std::string &questions_file) {
  std::ifstream file(questions_file);
  if (!file)
    fail(ErrorCategory::NotFound, questions_file, ": cannot be opened");
  std::vector<EvaluationItem> items;
  for (std::string line; std::getline(file, line);) {
    const auto place = [&] {
      return questions_file + ':' + std::to_string(items.size() + 1) + ": ";
    };
    try {
      items.push_back(parse_item(line, fs::path(questions_file).parent_path()));
    } catch (const nlohmann::json::exception &error) {
      fail(ErrorCategory::Format, place(), error.what());
    } catch (const Error &error) {
      fail(ErrorCategory::Format, place(), error.what());
    }
  }
  return items;
}

} // namespace vlm::scenes
