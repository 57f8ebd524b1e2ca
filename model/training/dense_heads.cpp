// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/dense_heads.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/zeros.h>

#include <numeric>
#include <random>

namespace vlm {
namespace {

constexpr int64_t kCoarse = 16; // cells a side of the coarse map

/// Mean cross entropy; class 0 counts `rest` times as much as the others.
at::Tensor classify(const at::Tensor &logits, const at::Tensor &target, double rest) {
  at::Tensor weight = at::ones({logits.size(-1)});
  weight.data_ptr<float>()[0] = static_cast<float>(rest);
  return at::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), target.reshape(-1), weight);
}

/// Adds a loss, and how often the best class was right where the target is not 0.
void add(DenseHeads::Report &report, const std::string &name, const at::Tensor &loss,
         double weight) {
  report.loss = report.loss.defined() ? report.loss + loss * weight : loss * weight;
  report.parts[name] = loss.item<double>();
}

void count_hits(DenseHeads::Report &report, const std::string &name, const at::Tensor &logits,
                const at::Tensor &target) {
  if (at::GradMode::is_enabled())
    return; // finding the best class costs more than the loss: measured in validation only
  const at::Tensor asked = target.reshape(-1).gt(0);
  const at::Tensor best = logits.detach().reshape({-1, logits.size(-1)}).argmax(-1);
  const at::Tensor right = best.eq(target.reshape(-1)).logical_and(asked);
  report.hits[name] = {right.sum().item<double>(), asked.sum().item<double>()};
}

/// [B, H, W, C] -> [B, side, side, C] by averaging or repeating.
at::Tensor to_side(const at::Tensor &map, int64_t side) {
  const int64_t size = map.size(1);
  if (size == side)
    return map;
  const at::Tensor planes = map.permute({0, 3, 1, 2}); // channels last in memory
  const at::Tensor out = size > side ? at::avg_pool2d(planes, {size / side, size / side})
                                     : at::upsample_nearest2d(planes, {side, side});
  return out.permute({0, 2, 3, 1});
}

int64_t sum(const std::vector<int64_t> &values) {
  return std::accumulate(values.begin(), values.end(), int64_t{0});
}

} // namespace

void DenseHeads::add_parameters(ParameterStore &store, const TinyConfig &config, int64_t classes,
                                uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto linear = [&](const std::string &name, int64_t in, int64_t out) {
    std::normal_distribution<float> draw(0, .02f);
    at::Tensor weight = at::zeros({out, in});
    for (int64_t i = 0; i < weight.numel(); ++i)
      weight.data_ptr<float>()[i] = draw(random);
    store.add("heads." + name + ".weight", weight);
    store.add("heads." + name + ".bias", at::zeros({out}));
  };
  const int64_t side = config.image_size / config.patch;
  for (const std::string where : {"plain.", "mined."}) {
    linear(where + "class", config.vit_width, classes);
    linear(where + "centre", config.vit_width, classes);
    linear(where + "colour", config.vit_width, kColours);
    linear(where + "row", config.vit_width, side);
    linear(where + "column", config.vit_width, side);
  }
  linear("letters", config.vit_width, kLetters);
  const int64_t aux = sum(config.aux_dims);
  store.add("heads.coarse_norm.weight", at::ones({aux}));
  store.add("heads.coarse_norm.bias", at::zeros({aux}));
  linear("coarse", aux, classes);
  for (size_t i = 0; i < config.aux_dims.size(); ++i)
    linear("cells." + std::to_string(i), config.aux_dims[i], kLetters + 1);
}

DenseHeads::DenseHeads(const Scope &scope, const TinyConfig &config, int64_t classes)
    : side_(config.image_size / config.patch) {
  const int64_t width = config.vit_width, aux = sum(config.aux_dims);
  const auto tokens = [&](const std::string &name) {
    const Scope heads = scope.sub(name);
    return TokenHeads{Linear(heads.sub("class"), width, classes, true),
                      Linear(heads.sub("centre"), width, classes, true),
                      Linear(heads.sub("colour"), width, kColours, true),
                      Linear(heads.sub("row"), width, side_, true),
                      Linear(heads.sub("column"), width, side_, true)};
  };
  plain_ = tokens("plain");
  mined_ = tokens("mined");
  letters_ = Linear(scope.sub("letters"), width, kLetters, true);
  coarse_norm_ = LayerNorm(scope.sub("coarse_norm"), aux, 1e-6);
  coarse_ = Linear(scope.sub("coarse"), aux, classes, true);
  for (size_t i = 0; i < config.aux_dims.size(); ++i)
    cells_.emplace_back(scope.sub("cells").sub(static_cast<int64_t>(i)), config.aux_dims[i],
                        kLetters + 1, true);
}

DenseHeads::Report DenseHeads::operator()(const VisionOutputs &vision,
                                          const DenseTargets &labels) const {
  Report report;
  score_tokens("x_", plain_, vision.tokens, labels, report);
  score_tokens("", mined_, vision.mined, labels, report);
  score_letters(vision.mined, labels, report);
  score_coarse(vision.stages, labels, report);
  score_cells(vision.stages, labels, report);
  return report;
}

void DenseHeads::score_tokens(const char *prefix, const TokenHeads &heads, const at::Tensor &tokens,
                              const DenseTargets &labels, Report &report) const {
  const std::string start = prefix;
  const at::Tensor classes = heads.classes(tokens), centre = heads.centre(tokens);
  add(report, start + "class", classify(classes, labels.token_class, .3), 1);
  count_hits(report, start + "class", classes, labels.token_class);
  add(report, start + "centre", classify(centre, labels.token_centre, .1), 1);
  count_hits(report, start + "centre", centre, labels.token_centre);
  const at::Tensor colour = heads.colour(tokens);
  add(report, start + "colour", classify(colour, labels.token_colour, .3), 1);
  count_hits(report, start + "colour", colour, labels.token_colour);
  const at::Tensor place = at::arange(side_ * side_).repeat({tokens.size(0)});
  const at::Tensor row = heads.row(tokens), column = heads.column(tokens);
  const at::Tensor rows = place.floor_divide(side_), columns = place.remainder(side_);
  add(report, start + "position", classify(row, rows, 1) + classify(column, columns, 1), 1);
}

void DenseHeads::score_letters(const at::Tensor &mined, const DenseTargets &labels,
                               Report &report) const {
  const at::Tensor logits = letters_(mined);
  add(report, "letters",
      at::binary_cross_entropy_with_logits(logits, labels.token_letters, {}, at::full({1}, 10.0f)),
      8);
}

void DenseHeads::score_coarse(const std::vector<at::Tensor> &stages, const DenseTargets &labels,
                              Report &report) const {
  std::vector<at::Tensor> maps;
  for (const at::Tensor &stage : stages)
    maps.push_back(to_side(stage, kCoarse));
  const at::Tensor logits = coarse_(coarse_norm_(at::cat(maps, -1)));
  add(report, "coarse", classify(logits, labels.coarse_class, .3), 1);
  count_hits(report, "coarse", logits, labels.coarse_class);
}

void DenseHeads::score_cells(const std::vector<at::Tensor> &stages, const DenseTargets &labels,
                             Report &report) const {
  const at::Tensor chosen = labels.has_sign.nonzero().reshape(-1);
  if (chosen.numel() == 0)
    return;
  at::Tensor logits;
  for (size_t i = stages.size(); i-- > 0;) {
    const at::Tensor own = cells_[i](stages[i].index_select(0, chosen));
    logits = logits.defined() ? to_side(logits, own.size(1)) + own : own;
  }
  const at::Tensor target = labels.cell_letter.index_select(0, chosen);
  add(report, "cell", classify(logits, target, .03), 1.5);
  count_hits(report, "cell", logits, target);
}

} // namespace vlm
