// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/stage_run.h"

#include "model/core/log.h"
#include "model/training/sitting.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>

namespace vlm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kValidationPictures = 128;

std::string stable_path(const std::string &directory, int stage) {
  return directory + "/stage" + std::to_string(stage) + "-stable.safetensors";
}

/// One stage of the MGM model's training, from its start or from where it was left.
class StageTraining : public Training {
public:
  StageTraining(const RunOptions &options, const SceneSource &source,
                const SceneSource &validation);

  int64_t pictures() const override { return trainer_.pictures(); }
  int64_t steps() const override { return trainer_.steps(); }
  const Schedule &schedule() const override { return trainer_.plan().schedule; }
  double rate() const override { return trainer_.plan().rate; }
  double gradient_norm() const override { return trainer_.gradient_norm(); }
  nlohmann::json log_line() const override { return {{"stage", options_.stage}}; }
  Metrics step() override {
    return trainer_.step(loader_->next(static_cast<size_t>(trainer_.plan().batch)));
  }
  Metrics measure() override { return trainer_.measure(validation_); }
  void save(bool stable) override;

private:
  void resume(const std::string &path);
  void begin();

  RunOptions options_;
  SceneSource source_;
  Trainer trainer_;
  std::vector<std::shared_ptr<const Sample>> validation_;
  std::optional<OrderedLoader<Sample>> loader_;
};

StageTraining::StageTraining(const RunOptions &options, const SceneSource &source,
                             const SceneSource &validation)
    : options_(options), source_(source),
      trainer_(source.config, scenes::class_count(source.assets->categories.size()), source.seed,
               options.workers) {
  const std::string path = checkpoint_path(options_.directory, options_.stage);
  if (fs::exists(path))
    resume(path);
  else
    begin();
  OrderedLoader<Sample> loader([&] { return scene_samples(validation); }, 0, options.loader_threads,
                               kValidationPictures);
  validation_ = loader.next(kValidationPictures);
  loader_.emplace([this] { return scene_samples(source_); }, trainer_.position(),
                  options_.loader_threads, static_cast<size_t>(3 * trainer_.plan().batch));
}

void StageTraining::resume(const std::string &path) {
  trainer_.load(path);
  Schedule schedule = trainer_.plan().schedule;
  const bool falling = trainer_.pictures() > schedule.total - schedule.cooldown;
  const std::string stable = stable_path(options_.directory, options_.stage);
  if (options_.pictures > schedule.total && falling && fs::exists(stable))
    trainer_.load(stable);
  schedule.total = options_.pictures;
  schedule.cooldown = options_.cooldown;
  trainer_.reschedule(schedule);
  log(LogLevel::Info, "stage ", options_.stage, " goes on at picture ", trainer_.pictures());
}

void StageTraining::begin() {
  std::string start = options_.start;
  if (start.empty() && options_.stage > 0)
    start = checkpoint_path(options_.directory, options_.stage - 1);
  if (!start.empty())
    trainer_.load_parameters(start);
  trainer_.begin(stage_plan(options_.stage, options_.pictures, options_.cooldown));
  log(LogLevel::Info, "stage ", options_.stage, " begins",
      start.empty() ? "" : " with the parameters of " + start);
}

void StageTraining::save(bool stable) {
  trainer_.save(checkpoint_path(options_.directory, options_.stage));
  if (stable)
    trainer_.save(stable_path(options_.directory, options_.stage));
}

} // namespace

std::string checkpoint_path(const std::string &directory, int stage) {
  return directory + "/stage" + std::to_string(stage) + ".safetensors";
}

bool run_stage(const RunOptions &options, const SceneSource &source, const SceneSource &validation,
               const CancelToken &stop) {
  fs::create_directories(options.directory);
  StageTraining training(options, source, validation);
  SittingOptions sitting;
  sitting.label = "stage " + std::to_string(options.stage);
  sitting.directory = options.directory;
  sitting.save_seconds = options.save_seconds;
  sitting.validate_pictures = options.validate_pictures;
  return run_sitting(sitting, training, stop);
}

} // namespace vlm
