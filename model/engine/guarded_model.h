// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/model.h"
#include "model/weights/own_errors.h"

#include <utility>

namespace vlm {

/// A model as others see it: what libtorch throws in it leaves as an Error.
class GuardedModel : public Model {
public:
  explicit GuardedModel(std::shared_ptr<const Model> inner) : inner_(std::move(inner)) {}

  const ModelInfo &info() const override { return inner_->info(); }
  std::unique_ptr<Answer> begin(Request request, const Pace &pace) const override {
    return with_own_errors([&] { return inner_->begin(std::move(request), pace); });
  }
  void advance(const std::vector<Answer *> &answers) const override {
    with_own_errors([&] { inner_->advance(answers); });
  }

private:
  std::shared_ptr<const Model> inner_;
};

} // namespace vlm
