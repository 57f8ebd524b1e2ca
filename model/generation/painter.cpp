// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/painter.h"

#include "model/compute/threads.h"
#include "model/core/error.h"
#include "model/core/machine.h"
#include "model/core/model_fit.h"
#include "model/core/stopwatch.h"
#include "model/core/utf8.h"
#include "model/generation/euler_scheduler.h"
#include "model/generation/latents.h"
#include "model/generation/prompt_encoder.h"
#include "model/generation/sdxl_weights.h"
#include "model/weights/own_errors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace vlm {

namespace {

void check_side(const char *name, int pixels) {
  constexpr int kLargest = 1 << 15;
  if (pixels < kPixelsPerLatent || pixels > kLargest || pixels % kPixelsPerLatent != 0)
    fail(ErrorCategory::Settings, name, " is ", pixels, ", must be a multiple of ",
         kPixelsPerLatent, " up to ", kLargest);
}

void check_prompt(const char *name, const std::string &text) {
  if (!utf8_valid(text))
    fail(ErrorCategory::Data, name, " is not valid UTF-8 at byte ", utf8_valid_prefix(text));
}

int default_size(const UNetConfig &config) {
  return kPixelsPerLatent * static_cast<int>(config.sample_size);
}

/// The request with its size, found to make sense.
PaintRequest checked(PaintRequest request, int default_size) {
  check_prompt("the prompt", request.prompt);
  check_prompt("the negative prompt", request.negative_prompt);
  request.width = request.width ? request.width : default_size;
  request.height = request.height ? request.height : default_size;
  check_side("width", request.width);
  check_side("height", request.height);
  check_threads(request.threads);
  if (!(request.guidance >= 0 && request.guidance <= 1000)) // false for NaN
    fail(ErrorCategory::Settings, "guidance is ", request.guidance, ", must be 0 to 1000");
  return request;
}

class SdxlPainter : public Painter {
public:
  SdxlPainter(PainterInfo info, const PainterOptions &options, PromptEncoder encoder,
              SdxlWeights weights)
      : info_(std::move(info)),
        threads_(options.threads > 0 ? options.threads : available_threads()),
        encoder_(std::move(encoder)), weights_(std::move(weights)) {}

  const PainterInfo &info() const override { return info_; }
  Painting paint(const PaintRequest &request, const CancelToken &cancel,
                 const std::function<void(const PaintStep &)> &progress) override {
    return with_own_errors([&] { return make(request, cancel, progress); });
  }

private:
  /// One picture under way.
  struct Run {
    PaintRequest request;
    EulerScheduler scheduler;
    Pace pace;
    std::vector<std::pair<std::string, at::Tensor>> dump;
    bool dumps() const { return !request.dump_path.empty(); }
    /// Whether the negative prompt has a part in it.
    bool guided() const { return request.guidance > 1; }
  };
  Painting make(const PaintRequest &request, const CancelToken &cancel,
                const std::function<void(const PaintStep &)> &progress);
  PaintRequest checked(const PaintRequest &request, Painting &painting) const;
  UNet::Condition encode(Run &run, Painting &painting);
  at::Tensor predict(const Run &run, size_t step, const at::Tensor &latents,
                     const UNet::Condition &condition) const;
  at::Tensor denoise(Run &run, const UNet::Condition &condition,
                     const std::function<void(const PaintStep &)> &progress) const;
  at::Tensor decode(Run &run, const at::Tensor &latents) const;

  PainterInfo info_;
  int threads_;
  PromptEncoder encoder_;
  SdxlWeights weights_;
};

PaintRequest SdxlPainter::checked(const PaintRequest &request, Painting &painting) const {
  if (is_blank(request.prompt))
    fail(ErrorCategory::Data, "the prompt is empty");
  const PaintRequest out = vlm::checked(request, info_.default_size);
  painting.needed_bytes = weights_.check_memory(out.width, out.height, available_memory());
  return out;
}

UNet::Condition SdxlPainter::encode(Run &run, Painting &painting) {
  const PromptEncoder::Tokens negative = encoder_.tokenize(run.request.negative_prompt),
                              positive = encoder_.tokenize(run.request.prompt);
  painting.cut = std::max(positive.of[0].cut, positive.of[1].cut);
  painting.negative_cut = std::max(negative.of[0].cut, negative.of[1].cut);
  encoder_.load(weights_.matrix_dtype(), run.pace);
  std::vector<PromptEncoder::Tokens> prompts = {positive};
  if (run.guided() || run.dumps())
    prompts.insert(prompts.begin(), negative);
  const PromptEncoder::Embeddings all = encoder_.encode(prompts, run.pace);
  if (!run.request.keep_loaded)
    encoder_.unload();
  if (run.dumps())
    run.dump = {{"prompt_embeds", all.prompt.narrow(0, 1, 1)},
                {"negative_prompt_embeds", all.prompt.narrow(0, 0, 1)},
                {"pooled_prompt_embeds", all.pooled.narrow(0, 1, 1)},
                {"negative_pooled_prompt_embeds", all.pooled.narrow(0, 0, 1)}};
  const int64_t count = run.guided() ? 2 : 1, first = all.prompt.size(0) - count;
  const auto height = static_cast<float>(run.request.height),
             width = static_cast<float>(run.request.width);
  const at::Tensor time_ids =
      at::tensor({height, width, 0.f, 0.f, height, width}).expand({count, 6});
  return weights_.unet().condition(all.prompt.narrow(0, first, count),
                                   all.pooled.narrow(0, first, count), time_ids);
}

// The noise that a step takes away.
at::Tensor SdxlPainter::predict(const Run &run, size_t step, const at::Tensor &latents,
                                const UNet::Condition &condition) const {
  const int64_t batch = run.guided() ? 2 : 1;
  const at::Tensor input = (latents * run.scheduler.input_scale(step)).expand({batch, -1, -1, -1});
  const at::Tensor timesteps = at::full({batch}, run.scheduler.timesteps()[step], at::kFloat);
  const at::Tensor noise = weights_.unet()(input, timesteps, condition, run.pace);
  if (!run.guided())
    return noise;
  const at::Tensor without = noise.narrow(0, 0, 1), with = noise.narrow(0, 1, 1);
  return without + (with - without) * run.request.guidance;
}

at::Tensor SdxlPainter::denoise(Run &run, const UNet::Condition &condition,
                                const std::function<void(const PaintStep &)> &progress) const {
  const std::vector<int64_t> shape = {1, weights_.unet().config().in_channels,
                                      run.request.height / kPixelsPerLatent,
                                      run.request.width / kPixelsPerLatent};
  at::Tensor latents = run.request.latents_path.empty()
                           ? random_latents(shape, run.request.seed)
                           : read_latents(run.request.latents_path, shape);
  latents = latents * run.scheduler.init_noise_sigma();
  std::vector<at::Tensor> all;
  for (size_t step = 0; step < run.scheduler.timesteps().size(); ++step) {
    run.pace.check();
    const at::Tensor noise = predict(run, step, latents, condition);
    latents = latents + noise * run.scheduler.step_size(step);
    if (run.dumps())
      all.push_back(latents.squeeze(0));
    if (progress)
      progress({static_cast<int64_t>(step) + 1, run.request.steps, [&] {
                  return to_image(weights_.vae().picture(
                      latents - noise * run.scheduler.sigmas()[step + 1], run.pace));
                }});
  }
  if (run.dumps()) {
    const auto floats = [](const std::vector<double> &values) {
      return at::tensor(values, at::kDouble).to(at::kFloat);
    };
    run.dump.emplace_back("timesteps", floats(run.scheduler.timesteps()));
    run.dump.emplace_back("sigmas", floats(run.scheduler.sigmas()));
    run.dump.emplace_back("latents", at::stack(all));
  }
  return latents;
}

at::Tensor SdxlPainter::decode(Run &run, const at::Tensor &latents) const {
  at::Tensor image = weights_.vae().picture(latents, run.pace);
  if (run.dumps())
    run.dump.emplace_back("image", image);
  return image;
}

Painting SdxlPainter::make(const PaintRequest &request, const CancelToken &cancel,
                           const std::function<void(const PaintStep &)> &progress) {
  const c10::InferenceMode no_gradients;
  const EulerScheduler scheduler(weights_.scheduler(), request.steps);
  Painting out;
  Run run{checked(request, out), scheduler, cancel, {}};
  set_threads(request.threads > 0 ? request.threads : threads_);
  auto start = std::chrono::steady_clock::now();
  const auto lap = [&start] {
    const double spent = seconds_since(start);
    start = std::chrono::steady_clock::now();
    return spent;
  };
  const UNet::Condition condition = encode(run, out);
  out.encode_seconds = lap();
  const at::Tensor latents = denoise(run, condition, progress);
  out.denoise_seconds = lap();
  out.image = to_image(decode(run, latents));
  out.decode_seconds = lap();
  if (run.dumps())
    write_safetensors(run.request.dump_path, run.dump);
  return out;
}

std::unique_ptr<Painter> read_painter(const PainterOptions &options,
                                      const std::function<void(double)> &progress,
                                      const CancelToken &cancel) {
  const c10::InferenceMode no_gradients;
  const SdxlFiles files(options);
  check_memory_for(files.weight_bytes(), files.precision(), available_memory());
  PromptEncoder encoder(files.directory());
  files.check_fit(encoder);
  SdxlWeights weights(files, progress, cancel);
  encoder.load(weights.matrix_dtype(), cancel);
  PainterInfo info;
  info.name = std::filesystem::canonical(files.directory()).filename().string();
  info.precision = files.precision();
  info.default_size = default_size(files.unet_config());
  info.weight_bytes = files.weight_bytes();
  return std::make_unique<SdxlPainter>(std::move(info), options, std::move(encoder),
                                       std::move(weights));
}

} // namespace

PainterOptions Painter::resolve(const PainterOptions &options) {
  PainterOptions out = options;
  const SdxlFiles files(options);
  out.precision = files.precision();
  out.path = std::filesystem::canonical(files.directory()).string();
  return out;
}

void Painter::check(const PainterOptions &options, const PaintRequest &request) {
  const SdxlFiles files(options);
  const EulerScheduler scheduler(files.scheduler_config(), request.steps);
  if (!request.prompt.empty() && is_blank(request.prompt))
    fail(ErrorCategory::Data, "the prompt is empty");
  const PaintRequest picture = checked(request, default_size(files.unet_config()));
  files.check_memory(picture.width, picture.height, available_memory());
}

std::unique_ptr<Painter> Painter::open(const PainterOptions &options,
                                       const std::function<void(double)> &progress,
                                       const CancelToken &cancel) {
  return with_own_errors([&] { return read_painter(options, progress, cancel); });
}

} // namespace vlm
