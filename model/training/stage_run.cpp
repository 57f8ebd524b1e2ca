// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/stage_run.h"

#include "model/core/error.h"
#include "model/core/log.h"
#include "model/core/progress_bar.h"
#include "model/training/train_log.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kLogSteps = 10;
constexpr size_t kValidationPictures = 128;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string stable_path(const std::string &directory, int stage) {
  return directory + "/stage" + std::to_string(stage) + "-stable.safetensors";
}

/// One sitting of a stage.
class Sitting {
public:
  Sitting(const RunOptions &options, const SceneSource &source, const SceneSource &validation)
      : options_(options), source_(source), log_(options.directory + "/log.jsonl"),
        trainer_(source.config, scenes::class_count(source.assets->categories.size()), source.seed,
                 options.workers) {
    fs::create_directories(options.directory);
    prepare();
    OrderedLoader loader([&] { return scene_samples(validation); }, 0, options.loader_threads,
                         kValidationPictures);
    validation_ = loader.next(kValidationPictures);
  }

  bool run(const CancelToken &stop);

private:
  void prepare();
  void resume(const std::string &path);
  void begin();
  void note(const Metrics &metrics, double seconds);
  void validate();
  void save();
  bool done() const { return trainer_.pictures() >= trainer_.plan().schedule.total; }

  RunOptions options_;
  SceneSource source_;
  std::string log_;
  Trainer trainer_;
  std::vector<std::shared_ptr<const Sample>> validation_;
};

void Sitting::prepare() {
  const std::string path = checkpoint_path(options_.directory, options_.stage);
  if (fs::exists(path))
    resume(path);
  else
    begin();
}

void Sitting::resume(const std::string &path) {
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

void Sitting::begin() {
  std::string start = options_.start;
  if (start.empty() && options_.stage > 0)
    start = checkpoint_path(options_.directory, options_.stage - 1);
  if (!start.empty())
    trainer_.load_parameters(start);
  trainer_.begin(stage_plan(options_.stage, options_.pictures, options_.cooldown));
  log(LogLevel::Info, "stage ", options_.stage, " begins",
      start.empty() ? "" : " with the parameters of " + start);
}

void Sitting::note(const Metrics &metrics, double seconds) {
  const Schedule &schedule = trainer_.plan().schedule;
  append_line(log_, {{"event", "step"},
                     {"stage", options_.stage},
                     {"step", trainer_.steps()},
                     {"pictures", trainer_.pictures()},
                     {"rate", trainer_.plan().rate * schedule.factor(trainer_.pictures())},
                     {"gradient_norm", trainer_.gradient_norm()},
                     {"pictures_per_second", static_cast<double>(metrics.pictures) / seconds},
                     {"metrics", to_json(metrics)}});
}

void Sitting::validate() {
  const Clock::time_point start = Clock::now();
  const Metrics metrics = trainer_.measure(validation_);
  append_line(log_, {{"event", "validation"},
                     {"stage", options_.stage},
                     {"pictures", trainer_.pictures()},
                     {"seconds", seconds_since(start)},
                     {"metrics", to_json(metrics)}});
  plot_log(log_, options_.directory + "/loss.png");
}

void Sitting::save() {
  const Schedule &schedule = trainer_.plan().schedule;
  trainer_.save(checkpoint_path(options_.directory, options_.stage));
  if (trainer_.pictures() <= schedule.total - schedule.cooldown)
    trainer_.save(stable_path(options_.directory, options_.stage));
}

bool Sitting::run(const CancelToken &stop) {
  OrderedLoader loader([this] { return scene_samples(source_); }, trainer_.position(),
                       options_.loader_threads, static_cast<size_t>(3 * trainer_.plan().batch));
  ProgressBar bar("stage " + std::to_string(options_.stage), "pictures",
                  trainer_.plan().schedule.total, trainer_.pictures());
  Clock::time_point saved = Clock::now(), noted = saved;
  Metrics recent;
  while (!done() && !stop.cancelled()) {
    const int64_t before = trainer_.pictures();
    recent.add(trainer_.step(loader.next(static_cast<size_t>(trainer_.plan().batch))));
    char loss[32];
    std::snprintf(loss, sizeof loss, "loss %.3f", recent.loss("loss"));
    bar.update(trainer_.pictures(), loss);
    if (trainer_.steps() % kLogSteps == 0) {
      note(recent, seconds_since(noted));
      recent = Metrics();
      noted = Clock::now();
    }
    if (before / options_.validate_pictures != trainer_.pictures() / options_.validate_pictures)
      validate();
    if (seconds_since(saved) > options_.save_seconds) {
      save();
      saved = Clock::now();
    }
  }
  if (done())
    validate();
  save();
  return done();
}

} // namespace

std::string checkpoint_path(const std::string &directory, int stage) {
  return directory + "/stage" + std::to_string(stage) + ".safetensors";
}

bool run_stage(const RunOptions &options, const SceneSource &source, const SceneSource &validation,
               const CancelToken &stop) {
  return Sitting(options, source, validation).run(stop);
}

} // namespace vlm
