// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_questions.h"

#include "model/core/stopwatch.h"
#include "model/engine/engine.h"
#include "pipelines/programs/bench_pictures.h"
#include "pipelines/programs/machine_probe.h"
#include "pipelines/programs/spread.h"

#include <cstdio>
#include <future>

namespace vlm {
namespace {

using Ids = std::vector<int64_t>;

constexpr const char *kQuestions[] = {"Describe this image.",     "How many things are there?",
                                      "What is on the left?",     "Is anybody in the picture?",
                                      "Which colors do you see?", "What does the sign say?",
                                      "What is in the middle?",   "Is it day or night?"};

Request request_of(int64_t question, int64_t round, int64_t max_tokens) {
  Request request;
  request.question = kQuestions[static_cast<size_t>(question) % std::size(kQuestions)];
  request.images = {bench_picture(0, round)};
  request.max_tokens = max_tokens;
  request.reuse = parse_reuse("none"); // both sides are about the same pictures
  return request;
}

std::future<Ids> submit(Worker &worker, Request request) {
  auto promise = std::make_shared<std::promise<Ids>>();
  worker.submit(std::move(request), [promise](std::unique_ptr<Result> result, auto error) {
    if (error)
      promise->set_exception(error);
    else
      promise->set_value(result->output_ids);
  });
  return promise->get_future();
}

/// The two ways to ask about one picture; both return the answers in the questions' order.
class Asking {
public:
  Asking(Worker &worker, const BenchQuestionsOptions &options, int64_t count)
      : worker_(worker), options_(options), count_(count) {}

  std::vector<Ids> alone(int64_t round) const {
    std::vector<Ids> answers;
    for (int64_t i = 0; i < count_; ++i)
      answers.push_back(submit(worker_, request_of(i, round, options_.max_tokens)).get());
    return answers;
  }

  std::vector<Ids> together(int64_t round) const {
    const auto memory = std::make_shared<PictureMemory>();
    std::vector<std::future<Ids>> coming;
    for (int64_t i = 0; i < count_; ++i) {
      Request request = request_of(i, round, options_.max_tokens);
      request.memory = memory;
      // The pictures' part of the prompt, by way of the memory, and passes for all answers.
      request.reuse = parse_reuse("prefix+batch");
      coming.push_back(submit(worker_, std::move(request)));
    }
    std::vector<Ids> answers;
    for (std::future<Ids> &answer : coming)
      answers.push_back(answer.get());
    return answers;
  }

private:
  Worker &worker_;
  const BenchQuestionsOptions &options_;
  int64_t count_;
};

int differing(const std::vector<Ids> &a, const std::vector<Ids> &b) {
  int count = 0;
  for (size_t i = 0; i < a.size(); ++i)
    count += a[i] != b[i];
  return count;
}

nlohmann::json measure(Worker &worker, const BenchQuestionsOptions &options, int64_t count) {
  const Asking asking(worker, options, count);
  std::vector<double> alone, together;
  int mismatches = 0;
  for (int64_t round = 1; round <= options.rounds; ++round) {
    std::vector<Ids> plain, shared;
    double seconds[2] = {};
    {
      const Stopwatch watch(seconds[0]);
      plain = asking.alone(round);
    }
    {
      const Stopwatch watch(seconds[1]);
      shared = asking.together(round);
    }
    alone.push_back(seconds[0]);
    together.push_back(seconds[1]);
    mismatches += differing(plain, shared);
  }
  const Spread a = Spread::of(alone), b = Spread::of(together);
  return {{"questions", count},
          {"alone", a},
          {"together", b},
          {"ratio", a.median / b.median},
          {"answers", count * options.rounds},
          {"mismatches", mismatches}};
}

} // namespace

nlohmann::json bench_questions(const BenchQuestionsOptions &options) {
  ModelOptions wanted;
  wanted.path = options.model;
  wanted.precision = options.precision;
  wanted.device = options.device;
  const auto worker = vlm_engine(kEngineInterface)->open(wanted, nullptr, CancelToken());
  nlohmann::json out = {{"model", worker->info().name},
                        {"precision", worker->info().precision},
                        {"runs", nlohmann::json::array()}};
  submit(*worker, request_of(0, 0, 1)).get(); // the first one after a load is slower
  MachineProbes machine;
  for (const int64_t count : options.counts) {
    machine.take();
    const nlohmann::json run = measure(*worker, options, count);
    std::printf("%2d questions: each alone %8.3f s, together %8.3f s   x %.2f   %d of %d answers "
                "differ\n",
                run["questions"].get<int>(), run["alone"]["median"].get<double>(),
                run["together"]["median"].get<double>(), run["ratio"].get<double>(),
                run["mismatches"].get<int>(), run["answers"].get<int>());
    std::fflush(stdout);
    out["runs"].push_back(run);
  }
  machine.take();
  out["machine"] = machine.figures();
  return out;
}

} // namespace vlm
