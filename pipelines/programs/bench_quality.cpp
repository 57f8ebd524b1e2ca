// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_quality.h"

#include "model/core/error.h"
#include "model/core/progress_bar.h"
#include "model/engine/model.h"
#include "model/quantization/material.h"
#include "model/weights/safetensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <unistd.h>

namespace vlm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRows = 64; // positions that are compared at a time: vocabularies are large

/// Dumps of the reference, one a picture; gone with the object.
class DumpFolder {
public:
  DumpFolder() : path_(fs::temp_directory_path() / ("vlm-bench-" + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~DumpFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  DumpFolder(const DumpFolder &) = delete;
  DumpFolder &operator=(const DumpFolder &) = delete;
  std::string file(const std::string &name) const { return (path_ / name).string(); }

private:
  const fs::path path_;
};

/// What is read of a picture or a passage.
struct Reading {
  at::Tensor logits;        // [L, vocabulary]
  std::vector<int64_t> ids; // of a passage, [L]

  /// Sum of -log p of each token behind the first one.
  double surprise() const {
    double sum = 0;
    for (int64_t first = 0; first + 1 < logits.size(0); first += kRows) {
      const int64_t count = std::min(kRows, logits.size(0) - 1 - first);
      const at::Tensor p = at::log_softmax(logits.narrow(0, first, count), -1);
      for (int64_t i = 0; i < count; ++i)
        sum -= p[i][ids[static_cast<size_t>(first + i + 1)]].item<double>();
    }
    return sum;
  }
};

/// One precision beside the reference, over everything that is read.
struct Comparison {
  int64_t positions = 0, same_choices = 0, answers = 0, same_answers = 0, foretold = 0;
  double divergence = 0, surprise = 0; // summed over positions

  void add(const Reading &reading) {
    foretold += static_cast<int64_t>(reading.ids.size()) - 1;
    surprise += reading.surprise();
  }

  /// Logits [L, vocabulary] of the same prompt.
  void add(const at::Tensor &reference, const at::Tensor &other) {
    for (int64_t first = 0; first < reference.size(0); first += kRows) {
      const int64_t count = std::min(kRows, reference.size(0) - first);
      const at::Tensor p = at::log_softmax(reference.narrow(0, first, count), -1),
                       q = at::log_softmax(other.narrow(0, first, count), -1);
      same_choices += p.argmax(-1).eq(q.argmax(-1)).sum().item<int64_t>();
      divergence += (p.exp() * (p - q)).sum().item<double>();
      positions += count;
    }
  }

  double perplexity() const { return std::exp(surprise / static_cast<double>(foretold)); }

  nlohmann::json figures() const {
    const auto share = [](double part, int64_t all) {
      return all > 0 ? part / static_cast<double>(all) : 0;
    };
    nlohmann::json out = {{"same_choices", share(static_cast<double>(same_choices), positions)},
                          {"divergence", share(divergence, positions)}};
    if (answers > 0)
      out["same_answers"] = share(static_cast<double>(same_answers), answers);
    if (foretold > 0)
      out["perplexity"] = perplexity();
    return out;
  }
};

class Examiner {
public:
  Examiner(const BenchQualityOptions &options, const std::string &precision)
      : options_(options), model_(Model::load({options.model, "cpu", precision, options.threads})) {
  }

  const ModelInfo &info() const { return model_->info(); }

  std::string answer(const Image &picture) const {
    Request request = about(picture);
    request.question = options_.question;
    request.max_tokens = options_.max_tokens;
    return model_->generate(request).text;
  }

  /// The question, the answer and the beginning of another turn.
  Reading read(const Image &picture, const std::string &answer, const std::string &path) const {
    Request request = about(picture);
    request.turns = {{options_.question, answer}};
    request.question = "What else?";
    return {read(std::move(request), path).logits, {}};
  }

  /// Nothing but the text.
  Reading read(const std::string &passage, const std::string &path) const {
    Request request;
    request.template_name = "plain";
    request.question = passage;
    request.reuse = parse_reuse("none");
    return read(std::move(request), path);
  }

private:
  Reading read(Request request, const std::string &path) const {
    request.max_tokens = 1;
    request.dump_path = path;
    const Result result = model_->generate(request);
    return {SafetensorsFile(path).load("logits").squeeze(0), result.input_ids};
  }

  Request about(const Image &picture) const {
    Request request;
    request.images = {picture};
    request.reuse = parse_reuse("none");
    return request;
  }

  const BenchQualityOptions &options_;
  const std::shared_ptr<const Model> model_;
};

std::vector<std::function<Image()>> pictures_of(const BenchQualityOptions &options) {
  if (!options.pictures.empty())
    return options.pictures;
  std::vector<std::function<Image()>> drawn;
  for (Image &image : bundled_pictures())
    drawn.push_back([picture = std::move(image)] { return picture; });
  return drawn;
}

// Some hundred tokens each, cut between words.
std::vector<std::string> passages_of(const std::string &text) {
  constexpr size_t kBytes = 2000;
  std::vector<std::string> out;
  for (size_t from = 0; from < text.size();) {
    const size_t space = text.find_first_of(" \n", from + kBytes);
    const size_t end = space == std::string::npos ? text.size() : space;
    out.push_back(text.substr(from, end - from));
    from = end;
  }
  return out;
}

void print(const std::string &precision, const nlohmann::json &figures, double reference) {
  std::printf("%-9s", precision.c_str());
  if (figures.contains("same_choices"))
    std::printf(" %7.2f %% of the choices the same   divergence %.5f",
                100 * figures["same_choices"].get<double>(), figures["divergence"].get<double>());
  if (figures.contains("same_answers"))
    std::printf("   %.1f %% of the answers the same", 100 * figures["same_answers"].get<double>());
  if (figures.contains("perplexity"))
    std::printf("   perplexity %.4f (%+.2f %%)", figures["perplexity"].get<double>(),
                100 * (figures["perplexity"].get<double>() / reference - 1));
  std::printf("\n");
  std::fflush(stdout);
}

/// All precisions, one after the other, over the same material.
class Examination {
public:
  explicit Examination(const BenchQualityOptions &options)
      : options_(options), passages_(passages_of(options.text)) {
    if (passages_.empty())
      pictures_ = pictures_of(options);
    bar_.emplace("reading", passages_.empty() ? "pictures" : "passages",
                 static_cast<int64_t>(size() * options.precisions.size()));
  }

  nlohmann::json run() {
    for (const std::string &precision : options_.precisions) {
      const Examiner examiner(options_, precision);
      if (passages_.empty() && !examiner.info().has_vision)
        fail(ErrorCategory::Settings, "--model: ", examiner.info().name,
             " cannot see pictures; give it a text");
      Comparison comparison;
      for (size_t i = 0; i < size(); ++i) {
        take(examiner, i, comparison);
        bar_->update(++done_);
      }
      note(examiner.info(), comparison);
    }
    return std::move(out_);
  }

private:
  size_t size() const { return std::max(passages_.size(), pictures_.size()); }
  bool first() const { return out_.is_null(); }
  std::string dump_of(size_t i) const { return dumps_.file(std::to_string(i)); }

  void take(const Examiner &examiner, size_t i, Comparison &comparison) {
    const std::string dump = first() ? dump_of(i) : dumps_.file("other");
    Reading reading;
    if (!passages_.empty()) {
      reading = examiner.read(passages_[i], dump);
      comparison.add(reading);
    } else {
      const Image picture = pictures_[i]();
      const std::string answer = examiner.answer(picture);
      if (first())
        answers_.push_back(answer);
      ++comparison.answers;
      comparison.same_answers += answer == answers_[i];
      reading = examiner.read(picture, answers_[i], dump);
    }
    if (!first())
      comparison.add(SafetensorsFile(dump_of(i)).load("logits").squeeze(0), reading.logits);
  }

  void note(const ModelInfo &info, const Comparison &comparison) {
    bar_->clear();
    nlohmann::json figures = comparison.figures();
    if (first()) {
      out_ = {{"model", info.name},
              {"reference", info.precision},
              {"pictures", pictures_.size()},
              {"passages", passages_.size()},
              {"precisions", nlohmann::json::object()}};
      if (figures.contains("perplexity")) {
        out_["perplexity"] = figures["perplexity"];
        print(info.precision, {{"perplexity", figures["perplexity"]}}, comparison.perplexity());
      }
      return;
    }
    print(info.precision, figures, out_.value("perplexity", 0.));
    out_["positions"] = comparison.positions;
    out_["precisions"][info.precision] = std::move(figures);
  }

  const BenchQualityOptions &options_;
  const std::vector<std::string> passages_; // or
  std::vector<std::function<Image()>> pictures_;
  const DumpFolder dumps_;
  std::vector<std::string> answers_; // the first precision's
  std::optional<ProgressBar> bar_;
  int64_t done_ = 0;
  nlohmann::json out_;
};

} // namespace

nlohmann::json bench_quality(const BenchQualityOptions &options) {
  const at::NoGradGuard guard;
  return Examination(options).run();
}

} // namespace vlm
