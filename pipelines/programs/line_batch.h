// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/model.h"

#include <nlohmann/json.hpp>

#include <deque>
#include <functional>
#include <optional>

namespace vlm {

/// An answer as the programs print it with --json.
nlohmann::json to_json(const Result &result, const ModelInfo &model);

/// Questions as JSON lines {"id", "images": [...], "question"}: several are answered at a time, and
/// come out in their order. A bad line is answered in its place by {"id", "error"}, so that one
/// broken picture does not lose the others. One thread; Error(Cancelled) passes through.
class LineBatch {
public:
  using MakeRequest =
      std::function<Request(const std::string &question, const std::vector<std::string> &images)>;

  LineBatch(const Model &model, MakeRequest make) : model_(model), make_(std::move(make)) {}

  bool empty() const { return lines_.empty(); }
  bool full() const { return lines_.size() >= kMost; }

  void add(const std::string &line);
  /// One token for every answer that is not finished.
  void advance();
  /// The oldest line's answer, once it is finished.
  std::optional<nlohmann::json> next();

private:
  static constexpr size_t kMost = 8; // more hold more memory and save little time
  struct Line {
    nlohmann::json out = nlohmann::json::object();
    std::unique_ptr<Answer> answer; // null after an error
  };

  const Model &model_;
  MakeRequest make_;
  std::deque<Line> lines_;
};

} // namespace vlm
