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
#include <cstdio>
#include <filesystem>
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

/// One precision beside the reference, over all pictures.
struct Comparison {
  int64_t positions = 0, same_choices = 0, answers = 0, same_answers = 0;
  double divergence = 0; // summed over positions

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

  nlohmann::json figures() const {
    const auto share = [](double part, int64_t all) {
      return all > 0 ? part / static_cast<double>(all) : 0;
    };
    return {{"same_choices", share(static_cast<double>(same_choices), positions)},
            {"divergence", share(divergence, positions)},
            {"same_answers", share(static_cast<double>(same_answers), answers)}};
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

  /// Logits [L, vocabulary] of the question, the answer and the beginning of another turn.
  at::Tensor read(const Image &picture, const std::string &answer, const std::string &path) const {
    Request request = about(picture);
    request.turns = {{options_.question, answer}};
    request.question = "What else?";
    request.max_tokens = 1;
    request.dump_path = path;
    model_->generate(request);
    return SafetensorsFile(path).load("logits").squeeze(0);
  }

private:
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

void print(const std::string &precision, const Comparison &comparison) {
  const nlohmann::json figures = comparison.figures();
  std::printf(
      "%-9s %7.2f %% of the choices the same   divergence %.5f   %d of %d answers the same\n",
      precision.c_str(), 100 * figures["same_choices"].get<double>(),
      figures["divergence"].get<double>(), static_cast<int>(comparison.same_answers),
      static_cast<int>(comparison.answers));
  std::fflush(stdout);
}

} // namespace

nlohmann::json bench_quality(const BenchQualityOptions &options) {
  const at::NoGradGuard guard;
  const auto pictures = pictures_of(options);
  const DumpFolder dumps;
  std::vector<std::string> answers;
  nlohmann::json out;
  const auto dump_of = [&](size_t i) { return dumps.file(std::to_string(i)); };
  ProgressBar bar("reading", "pictures",
                  static_cast<int64_t>(pictures.size() * options.precisions.size()));
  int64_t done = 0;
  for (const std::string &precision : options.precisions) {
    const Examiner examiner(options, precision);
    if (!examiner.info().has_vision)
      fail(ErrorCategory::Settings, "--model: ", examiner.info().name, " cannot see pictures");
    const bool first = out.is_null();
    Comparison comparison;
    for (size_t i = 0; i < pictures.size(); ++i) {
      const Image picture = pictures[i]();
      const std::string answer = examiner.answer(picture);
      if (first)
        answers.push_back(answer);
      const at::Tensor logits =
          examiner.read(picture, answers[i], first ? dump_of(i) : dumps.file("other"));
      if (!first)
        comparison.add(SafetensorsFile(dump_of(i)).load("logits").squeeze(0), logits);
      ++comparison.answers;
      comparison.same_answers += answer == answers[i];
      bar.update(++done);
    }
    const std::string name = examiner.info().precision;
    if (first) {
      out = {{"model", examiner.info().name},
             {"reference", name},
             {"pictures", pictures.size()},
             {"precisions", nlohmann::json::object()}};
      continue;
    }
    bar.clear();
    print(name, comparison);
    out["positions"] = comparison.positions;
    out["precisions"][name] = comparison.figures();
  }
  return out;
}

} // namespace vlm
