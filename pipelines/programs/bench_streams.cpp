// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_streams.h"

#include "model/core/error.h"
#include "model/core/machine.h"
#include "model/core/stopwatch.h"
#include "model/engine/engine.h"
#include "pipelines/programs/bench_pictures.h"
#include "pipelines/programs/machine_probe.h"
#include "pipelines/programs/peak_memory.h"
#include "pipelines/programs/spread.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace vlm {
namespace {

using Ids = std::vector<int64_t>;

/// What 95 of 100 stay below.
double p95(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[(values.size() * 95 + 99) / 100 - 1];
}

/// One run of some streams. Completions come on the worker's thread.
class Run {
public:
  explicit Run(const BenchStreamsOptions &options) : options_(options) {}

  struct Outcome {
    double seconds = 0;
    std::vector<std::vector<Ids>> answers; ///< of each stream
    std::vector<double> waits;             ///< seconds from question to answer, of all
    int64_t tokens_in = 0;                 ///< of the last prompt
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
    outcome_.seconds = seconds_since(start);
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
    model.device = options_.device;
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
    const auto asked = std::chrono::steady_clock::now();
    clients_[i].worker->submit(std::move(request), [this, i, asked](std::unique_ptr<Result> result,
                                                                    std::exception_ptr error) {
      answered(i, result ? *result : Result(), seconds_since(asked), error);
    });
  }

  void answered(size_t i, const Result &result, double wait, const std::exception_ptr &error) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      error_ = error_ ? error_ : error;
      outcome_.answers[i].push_back(result.output_ids);
      outcome_.waits.push_back(wait);
      outcome_.tokens_in = result.prompt_positions;
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

int64_t tokens_of(const std::vector<std::vector<Ids>> &answers) {
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
          {"tokens_per_second", static_cast<double>(tokens_of(outcome.answers)) / outcome.seconds},
          {"wait", Spread::of(outcome.waits)},
          {"wait_p95", p95(outcome.waits)}};
}

void print(const nlohmann::json &run) {
  std::printf("%2d streams %8.3f captions/s %8.2f tokens/s   x %.2f   an answer after %.2f s, p95 "
              "%.2f s   %d of %d answers differ\n",
              run["streams"].get<int>(), run["captions_per_second"].get<double>(),
              run["tokens_per_second"].get<double>(), run["ratio"].get<double>(),
              run["wait"]["median"].get<double>(), run["wait_p95"].get<double>(),
              run["mismatches"].get<int>(), run["answers"].get<int>());
  std::fflush(stdout);
}

} // namespace

nlohmann::json bench_streams(const BenchStreamsOptions &options) {
  ModelOptions model;
  model.path = options.model;
  model.precision = options.precision;
  model.device = options.device;
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
    alone.tokens_in = one.tokens_in;
    alone.waits.insert(alone.waits.end(), one.waits.begin(), one.waits.end());
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
  out["tokens_in"] = alone.tokens_in;
  out["peak_bytes"] = peak_bytes();
  std::printf("%s in %s: %d positions in, at most %d tokens out; peak memory %s\n",
              out["model"].get<std::string>().c_str(), out["precision"].get<std::string>().c_str(),
              static_cast<int>(alone.tokens_in), static_cast<int>(options.max_tokens),
              gigabytes(peak_bytes()).c_str());
  out["machine"] = machine.figures();
  return out;
}

} // namespace vlm
