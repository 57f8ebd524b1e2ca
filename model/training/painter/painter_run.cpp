// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/painter_run.h"

#include "model/core/error.h"
#include "model/core/log.h"
#include "model/training/painter/painter_folder.h"
#include "model/training/painter/painter_samples.h"
#include "model/training/painter/painter_trainer.h"
#include "model/training/painter/vocabulary.h"
#include "model/training/sitting.h"
#include "model/weights/checkpoint.h"

#include <filesystem>
#include <optional>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using Loader = OrderedLoader<PainterSample>;

constexpr size_t kValidationPictures = 128;
constexpr uint64_t kValidationSeed = 0x76616c69;
constexpr const char *kDecoder = "decoder", *kVaePictures = "vae_pictures";

/// One stage, whatever its samples are.
class PainterTraining : public Training {
public:
  PainterTraining(const PainterRun &run, std::string stage, const ParameterStore &parameters,
                  PainterTrainer::Loss loss)
      : run_(run), stage_(std::move(stage)), trainer_(parameters, std::move(loss), run.workers) {}

  /// Goes on with the stage's state, or begins; `more` is for a beginning.
  void prepare(const nlohmann::json &more);
  const nlohmann::json &more() const { return trainer_.plan().more; }
  /// Samples of training, from the next one on, and those to validate on.
  void feed(const std::function<Loader::Make()> &maker, PainterTrainer::Samples validation);
  bool sit(const CancelToken &stop);

  int64_t pictures() const override { return trainer_.pictures(); }
  int64_t steps() const override { return trainer_.steps(); }
  const Schedule &schedule() const override { return trainer_.plan().schedule; }
  double rate() const override { return trainer_.plan().rate; }
  double gradient_norm() const override { return trainer_.gradient_norm(); }
  nlohmann::json log_line() const override { return {{"stage", stage_}}; }
  Metrics step() override {
    return trainer_.step(loader_->next(static_cast<size_t>(trainer_.plan().batch)));
  }
  Metrics measure() override { return trainer_.measure(validation_); }
  void save(bool stable) override;

private:
  std::string stable_path() const { return painter_state(run_.directory, stage_ + "-stable"); }

  PainterRun run_;
  std::string stage_;
  PainterTrainer trainer_;
  PainterTrainer::Samples validation_;
  std::optional<Loader> loader_;
};

void PainterTraining::prepare(const nlohmann::json &more) {
  const std::string path = painter_state(run_.directory, stage_);
  if (!fs::exists(path)) {
    const int64_t warmup = 100 * run_.batch;
    trainer_.begin({run_.batch, run_.rate, {warmup, run_.pictures, run_.cooldown}, more});
    log(LogLevel::Info, stage_, " begins");
    return;
  }
  trainer_.load(path);
  Schedule schedule = trainer_.plan().schedule;
  const bool falling = trainer_.pictures() > schedule.total - schedule.cooldown;
  if (run_.pictures > schedule.total && falling && fs::exists(stable_path()))
    trainer_.load(stable_path());
  schedule.total = run_.pictures;
  schedule.cooldown = run_.cooldown;
  trainer_.reschedule(schedule);
  log(LogLevel::Info, stage_, " goes on at picture ", trainer_.pictures());
}

void PainterTraining::feed(const std::function<Loader::Make()> &maker,
                           PainterTrainer::Samples validation) {
  validation_ = std::move(validation);
  loader_.emplace(maker, static_cast<uint64_t>(trainer_.pictures()), run_.loader_threads,
                  static_cast<size_t>(3 * trainer_.plan().batch));
}

void PainterTraining::save(bool stable) {
  trainer_.save(painter_state(run_.directory, stage_));
  if (stable)
    trainer_.save(stable_path());
}

bool PainterTraining::sit(const CancelToken &stop) {
  SittingOptions sitting;
  sitting.label = stage_;
  sitting.directory = run_.directory;
  sitting.save_seconds = run_.save_seconds;
  sitting.validate_pictures = run_.validate_pictures;
  return run_sitting(sitting, *this, stop);
}

PainterTrainer::Samples first(const std::function<Loader::Make()> &maker, int threads) {
  Loader loader(maker, 0, threads, kValidationPictures);
  return loader.next(kValidationPictures);
}

// The validation's own scenes, with prompts that training never sees.
PaintingSource validation_of(PaintingSource source) {
  source.seed ^= kValidationSeed;
  source.held_out = true;
  return source;
}

bool sit_with_pictures(PainterTraining &training, const PainterRun &run,
                       const PaintingSource &source, const CancelToken &stop) {
  const PainterSizes sizes;
  training.feed(
      [&] { return vae_samples(source, sizes); },
      first([&] { return vae_samples(validation_of(source), sizes); }, run.loader_threads));
  return training.sit(stop);
}

std::shared_ptr<const ConvNextTower> open_eyes(const std::string &directory) {
  if (directory.empty())
    return nullptr;
  const Checkpoint checkpoint(directory);
  return std::make_shared<const ConvNextTower>(
      Scope(checkpoint, at::kFloat).sub("model.vision_tower_aux"));
}

// What a stage begins with; one that goes on has a state of its own.
ParameterStore begun(const PainterRun &run, const std::string &stage, ParameterStore drawn) {
  if (!run.start.empty() && !fs::exists(painter_state(run.directory, stage)))
    import_painter(drawn, run.start);
  return drawn;
}

void provide_tokenizers(const PainterRun &run, const PaintingSource &source) {
  if (fs::exists(run.directory + "/tokenizer_2/merges.txt"))
    return;
  if (run.start.empty())
    write_vocabulary(*source.assets, PainterSizes().vocab, source.seed, run.directory);
  else
    copy_tokenizers(run.start, run.directory);
}

std::string finished_vae(const std::string &directory) {
  std::string path = painter_state(directory, "vae");
  if (!fs::exists(path))
    fail(ErrorCategory::NotFound, path, " does not exist: train the VAE first");
  return path;
}

// A decoder is of use with the encoder that it learnt beside.
void check_origin(const nlohmann::json &more, int64_t vae_pictures, const std::string &path) {
  if (const int64_t made_for = more.value(kVaePictures, int64_t{-1}); made_for != vae_pictures)
    fail(ErrorCategory::Settings, path, ": of a VAE that had seen ", made_for, " pictures, not ",
         vae_pictures, ": take it away");
}

} // namespace

bool run_painter_vae(const PainterRun &run, const PaintingSource &source, const CancelToken &stop) {
  fs::create_directories(run.directory);
  const PainterSizes sizes;
  const auto eyes = open_eyes(run.eyes);
  PainterTraining training(run, "vae", begun(run, "vae", initial_vae(sizes, source.seed)),
                           [sizes, eyes](const Scope &scope, const PainterBatch &batch) {
                             return vae_loss(scope, sizes, eyes.get(), batch);
                           });
  training.prepare(nlohmann::json::object());
  return sit_with_pictures(training, run, source, stop);
}

bool run_painter_decoder(const PainterRun &run, const PaintingSource &source,
                         const CancelToken &stop) {
  const PainterSizes sizes;
  ParameterStore vae = initial_vae(sizes, 0);
  const int64_t vae_pictures = load_average(vae, finished_vae(run.directory)).pictures;
  const VaeEncoder encoder(Scope(vae, at::kFloat).sub("vae"), sizes.vae);
  const auto eyes = open_eyes(run.eyes);
  PainterTraining training(run, kDecoder, decoder_part(vae),
                           [&](const Scope &scope, const PainterBatch &batch) {
                             return decoder_loss(scope, sizes, encoder, eyes.get(), batch);
                           });
  training.prepare({{kVaePictures, vae_pictures}});
  check_origin(training.more(), vae_pictures, painter_state(run.directory, kDecoder));
  return sit_with_pictures(training, run, source, stop);
}

void load_autoencoder(ParameterStore &vae, const std::string &directory) {
  const int64_t vae_pictures = load_average(vae, finished_vae(directory)).pictures;
  const std::string path = painter_state(directory, kDecoder);
  if (!fs::exists(path))
    return;
  ParameterStore decoder = decoder_part(vae);
  check_origin(load_average(decoder, path).more, vae_pictures, path);
}

bool run_painter_unet(const PainterRun &run, const PaintingSource &source,
                      const CancelToken &stop) {
  const PainterSizes sizes;
  ParameterStore unet = begun(run, "unet", initial_unet(sizes, source.seed)); // or fails at once
  provide_tokenizers(run, source);
  ParameterStore vae = initial_vae(sizes, 0);
  CacheOptions cache;
  cache.vae_pictures = load_average(vae, finished_vae(run.directory)).pictures;
  cache.directory = run.directory + "/latents";
  cache.scenes = run.scenes;
  cache.workers = run.workers;
  cache.loader_threads = run.loader_threads;
  CacheOptions validation_cache = cache;
  validation_cache.directory = run.directory + "/validation-latents";
  validation_cache.scenes = LatentCache::kShard;
  const PaintingSource validation_source = validation_of(source);

  LatentSource latents{
      std::make_shared<const LatentCache>(cache, source, vae, sizes, stop),
      std::make_shared<const std::array<ClipTokenizer, 2>>(
          std::array<ClipTokenizer, 2>{ClipTokenizer(run.directory + "/tokenizer"),
                                       ClipTokenizer(run.directory + "/tokenizer_2")}),
      sizes,
      0,
      1,
      source.seed};
  PainterTraining training(run, "unet", std::move(unet),
                           [sizes](const Scope &scope, const PainterBatch &batch) {
                             return unet_loss(scope, sizes, batch);
                           });
  training.prepare(
      {{"scenes", latents.cache->size()}, {"scaling_factor", latents.cache->scaling_factor()}});
  latents.scenes = training.more().at("scenes");
  latents.scaling_factor = training.more().at("scaling_factor");
  if (latents.scenes > latents.cache->size())
    fail(ErrorCategory::Settings, "the stage began with ", latents.scenes,
         " cached scenes: ask for as many");
  LatentSource validation = latents;
  validation.cache =
      std::make_shared<const LatentCache>(validation_cache, validation_source, vae, sizes, stop);
  validation.scenes = validation.cache->size();
  validation.seed = validation_source.seed;
  training.feed([&] { return unet_samples(latents); },
                first([&] { return unet_samples(validation); }, run.loader_threads));
  return training.sit(stop);
}

} // namespace vlm
