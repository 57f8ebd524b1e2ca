// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_caption.h"

#include "model/core/machine.h"
#include "model/core/progress_bar.h"
#include "model/core/stopwatch.h"
#include "model/engine/model.h"
#include "model/weights/checkpoint.h"
#include "model/weights/model_config.h"
#include "pipelines/programs/bench_pictures.h"
#include "pipelines/programs/machine_share.h"
#include "pipelines/programs/peak_memory.h"
#include "pipelines/programs/spread.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <thread>

namespace vlm {
namespace {

using nlohmann::json;

const std::vector<std::pair<const char *, const char *>> kStages = {
    {"preprocess", "preprocess"},
    {"vision_tower", "CLIP"},
    {"vision_tower_aux", "ConvNeXt"},
    {"mining", "patch info mining"},
    {"projector", "projector"},
    {"prefill", "prefill"},
    {"decode", "decode"}};

std::map<std::string, double> stages_of(const Timings &t) {
  return {{"preprocess", t.preprocess},
          {"vision_tower", t.parts.vision_tower},
          {"vision_tower_aux", t.parts.vision_tower_aux},
          {"mining", t.parts.mining},
          {"projector", t.parts.projector},
          {"prefill", t.prefill},
          {"decode", t.decode}};
}

/// One precision of the model and what was measured of it.
class Candidate {
public:
  Candidate(const BenchCaptionOptions &options, const std::string &precision) : options_(options) {
    ModelOptions wanted;
    wanted.path = options.model;
    wanted.precision = precision;
    wanted.device = options.device;
    wanted.threads = options.threads;
    const Stopwatch watch(load_);
    model_ = Model::load(wanted);
  }

  void warm_up() {
    {
      const Stopwatch watch(first_);
      last_ = caption(0);
    }
    const std::string &precision = info().precision;
    shares_.emplace(caption_work(options_.model, precision, last_.prompt_positions), precision);
  }

  /// `machine`: as it is now.
  void measure(int64_t round, const MachineProbes &machine) {
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      last_ = caption(round);
    }
    captions_.push_back(seconds);
    for (const auto &[name, value] : stages_of(last_.timings)) {
      stages_[name].push_back(value);
      shares_->add_stage(name, value, machine);
    }
    const auto out = static_cast<double>(last_.output_ids.size());
    rates_["prefill_rate"].push_back(static_cast<double>(last_.prompt_positions) /
                                     last_.timings.prefill);
    if (out > 1) { // the first one comes from the prefill
      rates_["decode_rate"].push_back((out - 1) / last_.timings.decode);
      shares_->add_decode(rates_["decode_rate"].back(), machine);
    }
  }

  void rest_is_over() {
    const Stopwatch watch(after_idle_);
    caption(options_.rounds + 1);
  }

  const ModelInfo &info() const { return model_->info(); }
  const Result &last() const { return last_; }
  json figures() const {
    json out = spreads(rates_);
    out.update({{"load", load_},
                {"first", first_},
                {"weight_bytes", info().weight_bytes},
                {"caption", Spread::of(captions_)},
                {"stages", spreads(stages_)},
                {"shares", shares_->figures()}});
    if (options_.idle > 0)
      out["after_idle"] = after_idle_;
    return out;
  }

private:
  Result caption(int64_t number) const {
    Request request;
    request.question = "Describe this image.";
    request.images = {bench_picture(0, number)};
    request.max_tokens = options_.max_tokens;
    request.reuse = parse_reuse("none"); // every caption is the first of its kind
    return model_->generate(request);
  }

  const BenchCaptionOptions &options_;
  std::shared_ptr<const Model> model_;
  double load_ = 0, first_ = 0, after_idle_ = 0;
  Result last_;
  Samples captions_;
  std::map<std::string, Samples> stages_, rates_;
  std::optional<MachineShares> shares_; // known once the prompt's length is
};

/// Of a picture's side, as the HR tower sees it.
int64_t image_size(const std::string &model) {
  return read_model_config(model, Checkpoint(model)).vision.image_size_aux;
}

void print_model(const json &result) {
  std::printf("%s: pictures of %d x %d, %d positions in, %d tokens out; peak memory %s\n",
              result["model"].get<std::string>().c_str(), result["image_size"].get<int>(),
              result["image_size"].get<int>(), result["tokens_in"].get<int>(),
              result["tokens_out"].get<int>(),
              gigabytes(result["peak_bytes"].get<uint64_t>()).c_str());
}

} // namespace

json bench_caption(const BenchCaptionOptions &options) {
  std::vector<Candidate> candidates;
  for (const std::string &precision : options.precisions)
    candidates.emplace_back(options, precision);
  for (Candidate &candidate : candidates)
    candidate.warm_up();
  MachineProbes machine(options.threads);
  ProgressBar bar("measuring", "rounds", options.rounds);
  for (int64_t round = 1; round <= options.rounds; ++round) {
    for (Candidate &candidate : candidates) {
      machine.take();
      candidate.measure(round, machine);
    }
    bar.update(round);
  }
  machine.take();
  bar.clear();
  if (options.idle > 0) {
    std::this_thread::sleep_for(std::chrono::seconds(options.idle));
    for (Candidate &candidate : candidates)
      candidate.rest_is_over();
  }
  json precisions = json::object();
  for (const Candidate &candidate : candidates)
    precisions[candidate.info().precision] = candidate.figures();
  const Candidate &any = candidates.front();
  return {{"model", any.info().name},
          {"device", options.device},
          {"image_size", image_size(options.model)},
          {"tokens_in", any.last().prompt_positions},
          {"tokens_out", any.last().output_ids.size()},
          {"peak_bytes", peak_bytes()},
          {"machine", machine.figures()},
          {"precisions", std::move(precisions)}};
}

void print_captions(const json &result) {
  print_model(result);
  std::printf("%-10s %10s %10s %10s %26s\n", "", "weights", "load", "first", "caption");
  for (const auto &[precision, figures] : result["precisions"].items()) {
    std::printf("%-10s %10s %8.2f s %8.2f s %s", precision.c_str(),
                gigabytes(figures["weight_bytes"].get<uint64_t>()).c_str(),
                figures["load"].get<double>(), figures["first"].get<double>(),
                range_text(figures["caption"], 8, 2, " s").c_str());
    if (figures.contains("after_idle"))
      std::printf("  after idling %.2f s", figures["after_idle"].get<double>());
    std::printf("\n");
  }
}

void print_stages(const json &result) {
  print_model(result);
  for (const auto &[precision, figures] : result["precisions"].items()) {
    std::printf("%s\n", precision.c_str());
    for (const auto &[key, name] : kStages) {
      std::printf("  %-18s %s", name, range_text(figures["stages"][key], 8, 3, " s").c_str());
      const auto rate = figures.find(std::string(key) + "_rate");
      if (rate != figures.end())
        std::printf("  %8.1f tokens/s", (*rate)["median"].get<double>());
      std::printf("%s\n", share_text(figures["shares"], key).c_str());
    }
  }
}

} // namespace vlm
