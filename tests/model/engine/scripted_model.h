// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/model.h"

#include <future>

namespace vlm::test {

/// A gate that scripted work waits at.
class Gate {
public:
  void open() { promise_.set_value(); }
  void wait() const { future_.wait(); }

private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

/// A model without weights that answers as the test says, all at once.
class ScriptedModel : public Model {
public:
  using Answer = std::function<Result(const Request &)>;

  explicit ScriptedModel(Answer answer, const std::string &precision = "")
      : answer_(std::move(answer)) {
    info_.precision = precision;
  }
  const ModelInfo &info() const override { return info_; }
  std::unique_ptr<vlm::Answer> begin(Request request, const Pace &) const override {
    return std::make_unique<Ready>(answer_(request));
  }
  void advance(const std::vector<vlm::Answer *> &) const override {}

private:
  struct Ready : vlm::Answer {
    explicit Ready(Result given) : result(std::move(given)) {}
    bool finished() const override { return true; }
    Result take() override { return std::move(result); }
    Result result;
  };
  ModelInfo info_;
  Answer answer_;
};

inline Result echo(const Request &request) {
  Result result;
  result.text = request.question;
  return result;
}

struct Answered {
  std::string text;
  std::exception_ptr error;
};

inline std::future<Answered> ask(Worker &worker, const std::string &question) {
  auto promise = std::make_shared<std::promise<Answered>>();
  Request request;
  request.question = question;
  worker.submit(std::move(request),
                [promise](std::unique_ptr<Result> result, std::exception_ptr error) {
                  promise->set_value({result ? result->text : "", error});
                });
  return promise->get_future();
}

} // namespace vlm::test
