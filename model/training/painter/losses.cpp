// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/losses.h"

#include "model/generation/clip_text.h"
#include "model/generation/euler_scheduler.h"
#include "model/generation/unet.h"
#include "model/generation/vae_decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace vlm {
namespace {

constexpr double kDivergence = 1e-4, kPerceptual = .2;
constexpr size_t kStages = 3; // of the ConvNeXt: the last one sees the whole picture at once
constexpr double kMostSnr = 5;

// What CLIP's preprocessing makes of a picture of -1 to 1.
at::Tensor as_seen(const at::Tensor &pictures) {
  const auto channels = [](std::array<float, 3> values) {
    return at::tensor(at::ArrayRef<float>(values.data(), 3)).view({1, 3, 1, 1});
  };
  const at::Tensor mean = channels({0.48145466f, 0.4578275f, 0.40821073f});
  const at::Tensor deviation = channels({0.26862954f, 0.26130258f, 0.27577711f});
  return (((pictures + 1) * .5 - mean) / deviation).contiguous();
}

// Of unit length at every place, so that no channel rules by its size.
at::Tensor directions(const at::Tensor &features) {
  return features * at::rsqrt((features * features).sum(-1, /*keepdim=*/true) + 1e-6);
}

at::Tensor perceptual(const ConvNextTower &eyes, const at::Tensor &got, const at::Tensor &want) {
  std::vector<at::Tensor> wanted;
  {
    const at::NoGradGuard no_grad;
    wanted = eyes(as_seen(want));
  }
  const std::vector<at::Tensor> found = eyes(as_seen(got));
  at::Tensor sum;
  for (size_t i = 0; i < std::min(kStages, found.size()); ++i) {
    const at::Tensor apart = directions(found[i]) - directions(wanted[i]);
    const at::Tensor mean = (apart * apart).sum(-1).mean();
    sum = sum.defined() ? sum + mean : mean;
  }
  return sum;
}

// Ratios of noise to picture, from the first timestep to the last.
std::vector<double> noise_ratios(SchedulerConfig config) {
  config.steps_offset = 0;
  std::vector<double> out = EulerScheduler(config, config.num_train_timesteps).sigmas();
  out.pop_back();
  std::reverse(out.begin(), out.end());
  return out;
}

at::Tensor rows(const std::vector<std::shared_ptr<const PainterSample>> &samples, size_t which) {
  std::vector<int64_t> all;
  for (const auto &sample : samples)
    all.insert(all.end(), sample->ids[which].begin(), sample->ids[which].end());
  return at::tensor(all, at::kLong).view({static_cast<int64_t>(samples.size()), -1});
}

at::Tensor drawn(const VaeEncoder::Distribution &code, const at::Tensor &noise) {
  return code.mean + at::exp(code.logvar * .5) * noise;
}

// Without its total, which is the caller's to close.
PainterLoss likeness(const at::Tensor &got, const at::Tensor &want, const ConvNextTower *eyes) {
  PainterLoss out;
  out.loss = (got - want).abs().mean();
  out.parts["l1"] = out.loss.item<double>();
  if (eyes) {
    const at::Tensor seen = perceptual(*eyes, got, want);
    out.loss = out.loss + seen * kPerceptual;
    out.parts["perceptual"] = seen.item<double>();
  }
  return out;
}

PainterLoss closed(PainterLoss loss) {
  loss.parts["loss"] = loss.loss.item<double>();
  return loss;
}

} // namespace

PainterBatch collate(const std::vector<std::shared_ptr<const PainterSample>> &samples) {
  PainterBatch out;
  std::vector<at::Tensor> input, noise;
  std::vector<int64_t> timesteps;
  for (const auto &sample : samples) {
    input.push_back(sample->input);
    noise.push_back(sample->noise);
    timesteps.push_back(sample->timestep);
  }
  out.input = at::cat(input, 0);
  out.noise = at::cat(noise, 0);
  out.timesteps = at::tensor(timesteps, at::kLong);
  out.ids = {rows(samples, 0), rows(samples, 1)};
  return out;
}

PainterLoss vae_loss(const Scope &scope, const PainterSizes &sizes, const ConvNextTower *eyes,
                     const PainterBatch &batch) {
  const VaeEncoder encoder(scope.sub("vae"), sizes.vae);
  const VaeDecoder decoder(scope.sub("vae"), sizes.vae);
  const VaeEncoder::Distribution code = encoder(batch.input);
  PainterLoss out = likeness(decoder(drawn(code, batch.noise), {}), batch.input, eyes);
  const at::Tensor divergence =
      (code.mean * code.mean + at::exp(code.logvar) - 1 - code.logvar).mean() * .5;
  out.loss = out.loss + divergence * kDivergence;
  out.parts["divergence"] = divergence.item<double>();
  return closed(std::move(out));
}

PainterLoss decoder_loss(const Scope &scope, const PainterSizes &sizes, const VaeEncoder &encoder,
                         const ConvNextTower *eyes, const PainterBatch &batch) {
  at::Tensor latents;
  {
    const at::NoGradGuard no_grad;
    latents = drawn(encoder(batch.input), batch.noise);
  }
  const VaeDecoder decoder(scope.sub("vae"), sizes.vae);
  return closed(likeness(decoder(latents, {}), batch.input, eyes));
}

PainterLoss unet_loss(const Scope &scope, const PainterSizes &sizes, const PainterBatch &batch) {
  const at::Tensor sigma = at::tensor(noise_ratios(sizes.scheduler), at::kFloat)
                               .index_select(0, batch.timesteps)
                               .view({-1, 1, 1, 1});
  const at::Tensor keep = at::rsqrt(sigma * sigma + 1);
  const at::Tensor noisy = (batch.input + batch.noise * sigma) * keep;

  const ClipTextEncoder first(scope.sub("text_encoder"), sizes.text);
  const ClipTextEncoder second(scope.sub("text_encoder_2"), sizes.text_2);
  const UNet unet(scope.sub("unet"), sizes.unet);
  const ClipTextEncoder::Features one = first(batch.ids[0]), two = second(batch.ids[1]);
  const auto side = static_cast<float>(sizes.image_size);
  const at::Tensor size =
      at::tensor({side, side, 0.f, 0.f, side, side}).expand({batch.input.size(0), 6});
  const UNet::Condition condition =
      unet.condition(at::cat({one.hidden, two.hidden}, -1), two.pooled, size);

  const at::Tensor apart = unet(noisy, batch.timesteps.to(at::kFloat), condition) - batch.noise;
  const at::Tensor each = (apart * apart).mean({1, 2, 3});
  const at::Tensor weight = (sigma * sigma * kMostSnr).clamp_max(1).view({-1});
  PainterLoss out;
  out.loss = (each * weight).mean();
  out.parts["noise"] = each.mean().item<double>();
  return closed(std::move(out));
}

} // namespace vlm
