// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/dense_heads.h"
#include "model/training/packed_questions.h"
#include "model/training/scenes/scene.h"

#include <memory>

namespace vlm {

/// One picture with everything that is asked about it.
struct Sample {
  at::Tensor images;          ///< LR [1, 3, s, s]
  at::Tensor images_aux;      ///< HR [1, 3, S, S]
  scenes::DenseLabels labels; ///< stages 0 and 2
  PackedQuestions questions;  ///< stages 1 and 2
};

/// Several samples as one batch of tensors.
struct SampleBatch {
  at::Tensor images, images_aux;
  DenseTargets targets;
  PackedBatch questions; ///< empty in stage 0
};
SampleBatch collate(const std::vector<std::shared_ptr<const Sample>> &samples);

} // namespace vlm
