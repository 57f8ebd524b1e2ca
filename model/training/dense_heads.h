// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/compute/norm.h"
#include "model/training/tiny_model.h"

#include <map>

namespace vlm {

/// What is where in a batch of B painted scenes. Tokens are those of the LR tower (8 x 8), cells
/// the HR tower's finest map (64 x 64) or a coarse one (16 x 16), row-major.
struct DenseTargets {
  at::Tensor token_class;   ///< int64 [B, 64]; 0 background, then categories, forms, sign
  at::Tensor token_centre;  ///< int64 [B, 64]: class of the thing whose centre lies in the token
  at::Tensor token_colour;  ///< int64 [B, 64]: colour of that thing; 0 none
  at::Tensor token_letters; ///< float32 [B, 64, 26]
  at::Tensor coarse_class;  ///< int64 [B, 256]
  at::Tensor cell_letter;   ///< int64 [B, 4096]: 0 none, then a to z
  at::Tensor has_sign;      ///< bool [B]
};

constexpr int64_t kColours = 11; ///< none and ten names
constexpr int64_t kLetters = 26;

/// The vision model's outputs that dense heads read.
struct VisionOutputs {
  at::Tensor tokens;              ///< X [B, 64, C]
  at::Tensor mined;               ///< X + E
  std::vector<at::Tensor> stages; ///< of the HR tower, channels last
};

/// Linear heads that make the towers learn before there is a decoder to ask them (never shipped).
class DenseHeads {
public:
  static void add_parameters(ParameterStore &store, const TinyConfig &config, int64_t classes,
                             uint64_t seed);
  DenseHeads(const Scope &scope, const TinyConfig &config, int64_t classes);

  struct Report {
    at::Tensor loss;                                       ///< scalar, differentiable
    std::map<std::string, double> parts;                   ///< losses by name
    std::map<std::string, std::pair<double, double>> hits; ///< right answers and questions by name
  };
  Report operator()(const VisionOutputs &vision, const DenseTargets &labels) const;

private:
  struct TokenHeads {
    Linear classes, centre, colour, row, column;
  };
  void score_tokens(const char *prefix, const TokenHeads &heads, const at::Tensor &tokens,
                    const DenseTargets &labels, Report &report) const;
  void score_letters(const at::Tensor &mined, const DenseTargets &labels, Report &report) const;
  void score_coarse(const std::vector<at::Tensor> &stages, const DenseTargets &labels,
                    Report &report) const;
  void score_cells(const std::vector<at::Tensor> &stages, const DenseTargets &labels,
                   Report &report) const;

  int64_t side_;
  TokenHeads plain_, mined_;
  Linear letters_, coarse_;
  LayerNorm coarse_norm_;
  std::vector<Linear> cells_;
};

} // namespace vlm
