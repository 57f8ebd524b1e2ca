// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/sitting.h"

#include "model/core/folder_lock.h"
#include "model/core/progress_bar.h"
#include "model/core/stopwatch.h"
#include "model/training/train_log.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>

namespace vlm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kLogSteps = 10;

class Sitting {
public:
  Sitting(const SittingOptions &options, Training &training)
      : options_(options), training_(training), lock_(options.directory),
        log_(options.directory + "/log.jsonl") {}

  bool run(const CancelToken &stop);

private:
  bool done() const { return training_.pictures() >= training_.schedule().total; }
  void write(const char *event, nlohmann::json more);
  void note(const Metrics &metrics, double seconds);
  void validate();
  void save();

  const SittingOptions &options_;
  Training &training_;
  const FolderLock lock_;
  std::string log_;
};

void Sitting::write(const char *event, nlohmann::json more) {
  nlohmann::json line = training_.log_line();
  line["event"] = event;
  line["pictures"] = training_.pictures();
  line.update(more);
  append_line(log_, line);
}

void Sitting::note(const Metrics &metrics, double seconds) {
  write("step", {{"step", training_.steps()},
                 {"rate", training_.rate() * training_.schedule().factor(training_.pictures())},
                 {"gradient_norm", training_.gradient_norm()},
                 {"pictures_per_second", static_cast<double>(metrics.pictures) / seconds},
                 {"metrics", to_json(metrics)}});
}

void Sitting::validate() {
  const Clock::time_point start = Clock::now();
  const Metrics metrics = training_.measure();
  write("validation", {{"seconds", seconds_since(start)}, {"metrics", to_json(metrics)}});
  plot_log(log_, options_.directory + "/loss.png");
}

void Sitting::save() {
  const Schedule &schedule = training_.schedule();
  training_.save(training_.pictures() <= schedule.total - schedule.cooldown);
}

bool Sitting::run(const CancelToken &stop) {
  ProgressBar bar(options_.label, "pictures", training_.schedule().total, training_.pictures());
  Clock::time_point saved = Clock::now(), noted = saved;
  Metrics recent;
  while (!done() && !stop.cancelled()) {
    const int64_t before = training_.pictures();
    recent.add(training_.step());
    char loss[32];
    std::snprintf(loss, sizeof loss, "loss %.3f", recent.loss("loss"));
    bar.update(training_.pictures(), loss);
    if (training_.steps() % kLogSteps == 0) {
      note(recent, seconds_since(noted));
      recent = Metrics();
      noted = Clock::now();
    }
    if (before / options_.validate_pictures != training_.pictures() / options_.validate_pictures)
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

bool run_sitting(const SittingOptions &options, Training &training, const CancelToken &stop) {
  return Sitting(options, training).run(stop);
}

} // namespace vlm
