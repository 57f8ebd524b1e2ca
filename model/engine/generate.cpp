// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/threads.h"
#include "model/core/log.h"
#include "model/core/model_fit.h"
#include "model/engine/dump.h"
#include "model/engine/generation.h"
#include "model/engine/loaded_model.h"
#include "model/engine/ocr.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

namespace vlm {
namespace {

at::Tensor id_tensor(const int64_t *begin, const int64_t *end, at::Device device) {
  return at::tensor(at::IntArrayRef(begin, end), at::kLong).to(device);
}

size_t common_length(const std::vector<int64_t> &a, const std::vector<int64_t> &b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<size_t>(end - a.begin());
}

/// Ids up to the last picture's.
size_t through_pictures(const std::vector<int64_t> &ids) {
  const auto last = std::find(ids.rbegin(), ids.rend(), kImageToken);
  return static_cast<size_t>(ids.rend() - last);
}

} // namespace

/// What a PictureMemory holds: the pictures' tokens, and the beginning of a conversation about
/// them.
struct LoadedModel::Seen {
  const LoadedModel *by;
  at::Tensor visual_tokens;
  std::vector<int64_t> ids; // through the last picture
  std::optional<KvCache> cache;

  /// What this model left in the memory, if anything.
  static std::shared_ptr<const Seen> in(PictureMemory &memory, const LoadedModel &model) {
    std::lock_guard<std::mutex> lock(memory.mutex);
    const auto seen = std::static_pointer_cast<const Seen>(memory.seen);
    return seen && seen->by == &model ? seen : nullptr;
  }
};

Result Model::generate(const Request &request) const {
  const auto answer = begin(request, request.cancel);
  while (!answer->finished())
    advance({answer.get()});
  return answer->take();
}

std::unique_ptr<Answer> LoadedModel::begin(Request request, const Pace &pace) const {
  const c10::InferenceMode inference;
  if (request.make_images)
    request.images = std::exchange(request.make_images, nullptr)();
  check(request);
  set_threads(request.threads > 0 ? request.threads : threads_);
  if (request.ocr)
    request.ocr_text = recognise_text(request, tokenizer_->special_tokens(), pace);
  Prompt prompt;
  if (request.max_tokens > 0)
    prompt = write_prompt(request);
  auto answer = std::make_unique<Generation>(std::move(request), config_, *tokenizer_, device_);
  const Request &asked = answer->request;
  answer->result.prompt = std::move(prompt.text);
  answer->result.input_ids = std::move(prompt.ids);
  answer->result.ocr_text = asked.ocr_text;
  if (asked.max_tokens > 0 && !asked.json_schema.empty())
    answer->constrain(JsonConstraint(asked.json_schema, vocabulary(), config_.stop_ids));
  Dump dump;
  Dump *wanted = asked.dump_path.empty() ? nullptr : &dump;
  see(*answer, wanted, pace);
  if (asked.max_tokens > 0)
    read(*answer, wanted, pace);
  else
    answer->finish();
  remember(*answer);
  if (wanted)
    dump.write(asked.dump_path);
  return answer;
}

/// With as many of the earlier turns as there is room for, where they may be forgotten.
Prompt LoadedModel::write_prompt(Request &request) const {
  const std::string &name =
      request.template_name.empty() ? info_.template_name : request.template_name;
  Prompt prompt = build_prompt(request, name, *tokenizer_);
  while (request.forget_turns && !request.turns.empty() && !fits(request, prompt)) {
    request.turns.erase(request.turns.begin());
    prompt = build_prompt(request, name, *tokenizer_);
  }
  return prompt;
}

bool LoadedModel::fits(const Request &request, const Prompt &prompt) const {
  const int64_t length = positions(prompt.ids, prompt.ids.size());
  const bool whole = request.images.empty() || length <= info_.context_length;
  return whole && length + request.max_tokens <= config_.decoder.max_position_embeddings;
}

std::shared_ptr<const VocabularyBytes> LoadedModel::vocabulary() const {
  if (!vocabulary_) {
    std::vector<std::optional<std::string>> tokens;
    for (int64_t id = 0; id < tokenizer_->vocab_size(); ++id)
      tokens.push_back(tokenizer_->bytes(id));
    vocabulary_ = std::make_shared<VocabularyBytes>(std::move(tokens));
  }
  return vocabulary_;
}

void LoadedModel::check(const Request &request) const {
  check_threads(request.threads);
  if (request.max_tokens < 1 && !(request.max_tokens == 0 && request.memory))
    fail(ErrorCategory::Settings, "max-tokens is ", request.max_tokens, ", must be at least 1");
  if (!request.images.empty() && !vision_)
    fail(ErrorCategory::Unsupported, info_.name,
         " has no vision tower: it answers questions without pictures only");
}

void LoadedModel::see(Generation &answer, Dump *dump, const Pace &pace) const {
  const Request &request = answer.request;
  if (request.memory && !dump)
    if (const auto seen = Seen::in(*request.memory, *this)) {
      answer.visual_tokens = seen->visual_tokens;
      return;
    }
  std::vector<at::Tensor> tokens;
  for (const Image &image : request.images)
    tokens.push_back(look(image, answer.result.timings, dump, pace));
  if (!tokens.empty())
    answer.visual_tokens = at::cat(tokens, 1);
}

at::Tensor LoadedModel::look(const Image &image, Timings &timings, Dump *dump,
                             const Pace &pace) const {
  pace.check();
  PixelValues pixels;
  {
    const Stopwatch watch(timings.preprocess);
    pixels = preprocess(image, vision_->config(), vision_->vision_tower().image_size());
    pixels.images = pixels.images.to(device_);
    if (pixels.images_aux.defined())
      pixels.images_aux = pixels.images_aux.to(device_);
  }
  const Stopwatch watch(timings.vision);
  const VisionFeatures features = (*vision_)(pixels, pace);
  if (dump)
    dump->add_picture(pixels, features);
  return features.visual_tokens;
}

at::Tensor LoadedModel::splice(const std::vector<int64_t> &ids,
                               const at::Tensor &visual_tokens) const {
  std::vector<at::Tensor> parts;
  int64_t pictures = 0;
  const int64_t *at_id = ids.data(), *end = ids.data() + ids.size();
  while (at_id != end) {
    const int64_t *mark = std::find(at_id, end, kImageToken);
    if (mark != at_id)
      parts.push_back(decoder_.embed(id_tensor(at_id, mark, device_)).unsqueeze(0));
    if (mark != end)
      parts.push_back(
          visual_tokens.narrow(1, info_.tokens_per_image * pictures++, info_.tokens_per_image));
    at_id = mark == end ? end : mark + 1;
  }
  return at::cat(parts, 1);
}

/// Reads the prompt into the cache, from where a conversation about the same pictures parts.
void LoadedModel::read(Generation &answer, Dump *dump, const Pace &pace) const {
  const Request &request = answer.request;
  Result &result = answer.result;
  at::Tensor embeds = splice(result.input_ids, answer.visual_tokens);
  // The reference cuts prompts with pictures on the right (mgm-spec 4.6); beyond the positions that
  // the model was made for nothing can be computed at all.
  const int64_t limit =
      request.images.empty() ? config_.decoder.max_position_embeddings : info_.context_length;
  result.prompt_positions = std::min(embeds.size(1), limit);
  result.truncated_positions = embeds.size(1) - result.prompt_positions;
  if (result.truncated_positions > 0)
    log(LogLevel::Warning, "the prompt has ", embeds.size(1), " positions, the model takes ", limit,
        ": the last ", result.truncated_positions, " were cut off");
  const Stopwatch watch(result.timings.prefill);
  const int64_t known = dump ? 0 : recall(answer);
  embeds = embeds.narrow(1, known, result.prompt_positions - known);
  const at::Tensor hidden = decoder_.forward(embeds, answer.cache, pace);
  if (dump) {
    dump->add("inputs_embeds", embeds);
    dump->add("logits", decoder_.logits(hidden));
  }
  answer.logits = decoder_.logits(hidden.select(1, -1)).flatten();
}

/// Begins the answer's cache with what an earlier one read of the same beginning; returns its
/// positions.
int64_t LoadedModel::recall(Generation &answer) const {
  const auto &memory = answer.request.memory;
  const auto seen = memory ? Seen::in(*memory, *this) : nullptr;
  if (!seen || !seen->cache)
    return 0;
  const std::vector<int64_t> &ids = answer.result.input_ids;
  const size_t common = common_length(ids, seen->ids);
  // The last position is read anew: the first token comes from it.
  const int64_t known = std::min(positions(ids, common), answer.result.prompt_positions - 1);
  answer.cache = seen->cache->fork(known);
  return known;
}

void LoadedModel::remember(Generation &answer) const {
  const auto &memory = answer.request.memory;
  if (!memory || !answer.visual_tokens.defined())
    return;
  const auto before = Seen::in(*memory, *this);
  const std::vector<int64_t> &ids = answer.result.input_ids;
  const size_t count = through_pictures(ids);
  const int64_t read = positions(ids, count);
  const bool has_read = count > 0 && answer.cache.length() > read;
  if (before && (before->cache || !has_read))
    return;
  auto seen = std::make_shared<Seen>();
  seen->by = this;
  seen->visual_tokens = answer.visual_tokens;
  if (has_read) {
    seen->ids.assign(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
    seen->cache = answer.cache.fork(read);
  }
  std::lock_guard<std::mutex> lock(memory->mutex);
  memory->seen = std::move(seen);
}

/// Positions of the first `count` ids: a picture's one id stands for all its tokens.
int64_t LoadedModel::positions(const std::vector<int64_t> &ids, size_t count) const {
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(count);
  const int64_t pictures = std::count(ids.begin(), end, kImageToken);
  return static_cast<int64_t>(count) + pictures * (info_.tokens_per_image - 1);
}

void LoadedModel::advance(const std::vector<Answer *> &answers) const {
  const c10::InferenceMode inference;
  int threads = 0; // the most that anyone asked for
  std::vector<Generation *> going;
  std::vector<KvCache *> caches;
  std::vector<int64_t> ids;
  for (Answer *answer : answers) {
    auto &generation = static_cast<Generation &>(*answer);
    const int wanted = generation.request.threads;
    threads = std::max(threads, wanted > 0 ? wanted : threads_);
    if (!generation.pick())
      continue;
    going.push_back(&generation);
    caches.push_back(&generation.cache);
    ids.push_back(generation.last_token());
  }
  if (going.empty())
    return;
  set_threads(threads);
  double seconds = 0;
  {
    const Stopwatch watch(seconds);
    const at::Tensor tokens = id_tensor(ids.data(), ids.data() + ids.size(), device_);
    const at::Tensor hidden = decoder_.decode(decoder_.embed(tokens).unsqueeze(1), caches);
    const at::Tensor logits = decoder_.logits(hidden.squeeze(1));
    for (size_t i = 0; i < going.size(); ++i)
      going[i]->logits = logits[static_cast<int64_t>(i)];
  }
  for (Generation *generation : going)
    generation->result.timings.decode += seconds;
}

} // namespace vlm
