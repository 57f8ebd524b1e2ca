// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_streams.h"

#include "model/core/error.h"
#include "model/engine/engine.h"
#include "pipelines/programs/bench_pictures.h"
#include "pipelines/programs/machine_probe.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace vlm {
namespace {

using Ids = std::vector<int64_t>;

/// One run of some streams. Completions come on the worker's thread.
class Run {
public:
  explicit Run(const BenchStreamsOptions &options) : options_(options) {}

  struct Outcome {
    double seconds = 0;
    std::vector<std::vector<Ids>> answers; ///< of each stream
  };
  Outcome of(const std::vector<int64_t> &streams) {
    outcome_.answers.assign(streams.size(), {});
    for (size_t i = 0; i < streams.size(); ++i)
      clients_.push_back({streams[i], open()});
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < streams.size(); ++i)
      ask(i);
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return finished_ == clients_.size(); });
    if (error_)
      std::rethrow_exception(error_);
    outcome_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(outcome_);
  }

private:
  struct Client {
    int64_t stream;
    std::shared_ptr<Worker> worker;
  };

  std::shared_ptr<Worker> open() const {
    ModelOptions model;
    model.path = options_.model;
    model.precision = options_.precision;
    return vlm_engine(kEngineInterface)->open(model, nullptr, CancelToken());
  }

  void ask(size_t i) {
    Request request;
    request.question = "Describe this image.";
    request.max_tokens = options_.max_tokens;
    request.reuse = parse_reuse("batch"); // the runs show each other the same pictures
    const auto number = static_cast<int64_t>(outcome_.answers[i].size());
    request.make_images = [stream = clients_[i].stream, number] {
      return std::vector<Image>{bench_picture(stream, number)};
    };
    clients_[i].worker->submit(std::move(request),
                               [this, i](std::unique_ptr<Result> result, std::exception_ptr error) {
                                 answered(i, result ? result->output_ids : Ids(), error);
                               });
  }

  void answered(size_t i, Ids ids, const std::exception_ptr &error) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      error_ = error_ ? error_ : error;
      outcome_.answers[i].push_back(std::move(ids));
      if (error_ || static_cast<int64_t>(outcome_.answers[i].size()) == options_.captions) {
        ++finished_;
        changed_.notify_all();
        return;
      }
    }
    ask(i);
  }

  const BenchStreamsOptions &options_;
  std::vector<Client> clients_;
  Outcome outcome_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::exception_ptr error_;
  size_t finished_ = 0;
};

int64_t tokens_in(const std::vector<std::vector<Ids>> &answers) {
  int64_t count = 0;
  for (const auto &stream : answers)
    for (const Ids &ids : stream)
      count += static_cast<int64_t>(ids.size());
  return count;
}

nlohmann::json figures(size_t streams, const Run::Outcome &outcome, int64_t captions) {
  const auto answers = static_cast<int64_t>(outcome.answers.size()) * captions;
  return {{"streams", streams},
          {"answers", answers},
          {"captions_per_second", static_cast<double>(answers) / outcome.seconds},
          {"tokens_per_second", static_cast<double>(tokens_in(outcome.answers)) / outcome.seconds}};
}

void print(const nlohmann::json &run) {
  std::printf("%2d streams %8.3f captions/s %8.2f tokens/s   x %.2f   %d of %d answers differ\n",
              run["streams"].get<int>(), run["captions_per_second"].get<double>(),
              run["tokens_per_second"].get<double>(), run["ratio"].get<double>(),
              run["mismatches"].get<int>(), run["answers"].get<int>());
  std::fflush(stdout);
}

} // namespace

nlohmann::json bench_streams(const BenchStreamsOptions &options) {
  ModelOptions model;
  model.path = options.model;
  model.precision = options.precision;
  const auto keep = vlm_engine(kEngineInterface)->open(model, nullptr, CancelToken());
  nlohmann::json out = {{"model", keep->info().name},
                        {"precision", keep->info().precision},
                        {"runs", nlohmann::json::array()}};

  const int64_t most = *std::max_element(options.streams.begin(), options.streams.end());
  MachineProbes machine;
  machine.take();
  Run::Outcome alone;
  for (int64_t stream = 0; stream < most; ++stream) {
    Run::Outcome one = Run(options).of({stream});
    alone.seconds += one.seconds;
    alone.answers.push_back(std::move(one.answers[0]));
  }
  const auto add = [&](size_t streams, const Run::Outcome &outcome) {
    nlohmann::json run = figures(streams, outcome, options.captions);
    int mismatches = 0;
    for (size_t i = 0; i < outcome.answers.size(); ++i)
      for (size_t k = 0; k < outcome.answers[i].size(); ++k)
        mismatches += outcome.answers[i][k] != alone.answers[i][k];
    run["mismatches"] = mismatches;
    const double base = out["runs"].empty() ? run["captions_per_second"].get<double>()
                                            : out["runs"][0]["captions_per_second"].get<double>();
    run["ratio"] = run["captions_per_second"].get<double>() / base;
    print(run);
    machine.take();
    out["runs"].push_back(std::move(run));
  };
  add(1, alone);
  for (const int64_t streams : options.streams) {
    if (streams == 1)
      continue;
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < streams; ++i)
      numbers.push_back(i);
    add(numbers.size(), Run(options).of(numbers));
  }
  out["machine"] = machine.figures();
  return out;
}

} // namespace vlm
