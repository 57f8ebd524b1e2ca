// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/questions.h"
#include "model/training/scenes/scene.h"

#include <string>

namespace vlm::scenes {

struct EvaluationOptions {
  int pictures = 100;
  uint64_t seed = 1;
  SceneMix mix = SceneMix::Standard;
  double unlisted = 0.25; ///< share of pictures asked in unlisted phrasings
  int min_side = 256, max_side = 512;
  int questions_per_picture = 12;
  double jpeg = 0.5; ///< share of pictures stored as JPEG of quality 60 to 95
};

/// Writes NNNNN.png or NNNNN.jpg and questions.jsonl
/// ({"id","images","question","type","answer","label","small", "shape","phrasing"}; picture paths
/// relative to the folder) into `directory`: new scenes without restyling, held-out words. The same
/// bytes for the same seed and assets.
void make_evaluation_set(const Assets &assets, const std::string &directory,
                         const EvaluationOptions &options);

struct EvaluationItem {
  std::string id, image; ///< image: full path; empty: no picture
  std::string phrasing;
  QuestionAnswer expected;
};
/// Reads a questions.jsonl. Error(Format) naming the line.
std::vector<EvaluationItem> read_evaluation_set(const std::string &questions_file);

} // namespace vlm::scenes
