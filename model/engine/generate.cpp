// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/threads.h"
#include "model/core/strip.h"
#include "model/engine/dump.h"
#include "model/engine/load.h"
#include "model/engine/loaded_model.h"
#include "model/engine/text_stream.h"
#include "model/language/sampler.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>

namespace vlm {
namespace {

/// Adds the seconds of its life to a counter.
class Stopwatch {
public:
  explicit Stopwatch(double &seconds) : seconds_(seconds) {}
  ~Stopwatch() {
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  Stopwatch(const Stopwatch &) = delete;
  Stopwatch &operator=(const Stopwatch &) = delete;

private:
  double &seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

at::Tensor id_tensor(const int64_t *begin, const int64_t *end, at::Device device) {
  return at::tensor(at::IntArrayRef(begin, end), at::kLong).to(device);
}

} // namespace

Result LoadedModel::generate(const Request &request) const {
  const c10::InferenceMode inference;
  check_threads(request.threads);
  set_threads(request.threads > 0 ? request.threads : threads_);
  if (request.max_tokens < 1)
    fail(ErrorCategory::Settings, "max-tokens is ", request.max_tokens, ", must be at least 1");
  if (!request.images.empty() && !vision_)
    fail(ErrorCategory::Unsupported, info_.name,
         " has no vision tower: it answers questions without pictures only");

  Prompt prompt = build_prompt(
      request, request.template_name.empty() ? info_.template_name : request.template_name,
      *tokenizer_);
  Result result;
  result.prompt = std::move(prompt.text);
  result.input_ids = std::move(prompt.ids);

  Dump dump;
  Dump *wanted = request.dump_path.empty() ? nullptr : &dump;
  at::Tensor embeds = splice(result.input_ids, see(request, wanted, result.timings));
  // The reference cuts prompts with pictures on the right (mgm-spec 4.6); beyond the positions that
  // the model was made for nothing can be computed at all.
  const int64_t limit =
      request.images.empty() ? config_.decoder.max_position_embeddings : info_.context_length;
  result.prompt_positions = std::min(embeds.size(1), limit);
  result.truncated_positions = embeds.size(1) - result.prompt_positions;
  if (result.truncated_positions > 0)
    log(LogLevel::Warning, "the prompt has ", embeds.size(1), " positions, the model takes ", limit,
        ": the last ", result.truncated_positions, " were cut off");
  embeds = embeds.narrow(1, 0, result.prompt_positions);

  KvCache cache(config_.decoder, device_);
  at::Tensor logits = prefill(embeds, cache, request, wanted, result.timings);
  if (wanted)
    dump.write(request.dump_path);
  decode(std::move(logits), cache, request, result);
  return result;
}

at::Tensor LoadedModel::see(const Request &request, Dump *dump, Timings &timings) const {
  std::vector<at::Tensor> tokens;
  for (const Image &image : request.images) {
    request.cancel.check();
    PixelValues pixels;
    {
      const Stopwatch watch(timings.preprocess);
      pixels = preprocess(image, vision_->config(), vision_->vision_tower().image_size());
      pixels.images = pixels.images.to(device_);
      if (pixels.images_aux.defined())
        pixels.images_aux = pixels.images_aux.to(device_);
    }
    const Stopwatch watch(timings.vision);
    const VisionFeatures features = (*vision_)(pixels, request.cancel);
    if (dump)
      dump->add_picture(pixels, features);
    tokens.push_back(features.visual_tokens);
  }
  return tokens.empty() ? at::Tensor() : at::cat(tokens, 1);
}

at::Tensor LoadedModel::splice(const std::vector<int64_t> &ids,
                               const at::Tensor &visual_tokens) const {
  const at::Device device = device_;
  std::vector<at::Tensor> parts;
  int64_t pictures = 0;
  const int64_t *at_id = ids.data(), *end = ids.data() + ids.size();
  while (at_id != end) {
    const int64_t *mark = std::find(at_id, end, kImageToken);
    if (mark != at_id)
      parts.push_back(decoder_.embed(id_tensor(at_id, mark, device)).unsqueeze(0));
    if (mark != end)
      parts.push_back(
          visual_tokens.narrow(1, info_.tokens_per_image * pictures++, info_.tokens_per_image));
    at_id = mark == end ? end : mark + 1;
  }
  return at::cat(parts, 1);
}

at::Tensor LoadedModel::prefill(const at::Tensor &embeds, KvCache &cache, const Request &request,
                                Dump *dump, Timings &timings) const {
  const Stopwatch watch(timings.prefill);
  const at::Tensor hidden = decoder_.forward(embeds, cache, request.cancel);
  if (dump) {
    dump->add("inputs_embeds", embeds);
    dump->add("logits", decoder_.logits(hidden));
  }
  return decoder_.logits(hidden.select(1, -1)).flatten();
}

void LoadedModel::decode(at::Tensor logits, KvCache &cache, const Request &request,
                         Result &result) const {
  Sampler sampler(request.sampling);
  // A model's vocabulary may be padded beyond its tokenizer's: such ids have no text.
  std::vector<int64_t> printable;
  TextStream stream(*tokenizer_, request.on_text);
  const Stopwatch watch(result.timings.decode);
  for (;;) {
    const SampledToken token = sampler(logits);
    result.output_ids.push_back(token.id);
    result.token_logprobs.push_back(token.logprob);
    if (stops(token.id)) {
      result.stop_reason = StopReason::Eos;
      break;
    }
    if (token.id < tokenizer_->vocab_size())
      printable.push_back(token.id);
    stream.update(printable);
    result.stop_reason = request.cancel.cancelled() ? StopReason::Cancelled : StopReason::Length;
    if (request.cancel.cancelled() ||
        static_cast<int64_t>(result.output_ids.size()) >= request.max_tokens ||
        cache.length() >= config_.decoder.max_position_embeddings)
      break;
    const at::Tensor id = id_tensor(&token.id, &token.id + 1, device_);
    logits = decoder_.logits(decoder_.forward(decoder_.embed(id).unsqueeze(0), cache)).flatten();
  }
  result.text = strip(tokenizer_->decode(printable, /*skip_special=*/true));
  result.generation_prompt = generation_prompt(result.text);
  stream.finish(result.text);
}

bool LoadedModel::stops(int64_t id) const {
  return std::count(config_.stop_ids.begin(), config_.stop_ids.end(), id) > 0;
}

} // namespace vlm
