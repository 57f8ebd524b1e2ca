// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/device_stopwatch.h"
#include "model/compute/few_rows.h"
#include "model/compute/threads.h"
#include "model/core/digest.h"
#include "model/core/log.h"
#include "model/core/model_fit.h"
#include "model/core/stopwatch.h"
#include "model/engine/dump.h"
#include "model/engine/generation.h"
#include "model/engine/loaded_model.h"
#include "model/engine/ocr.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace vlm {
namespace {

at::Tensor id_tensor(const int64_t *begin, const int64_t *end, at::Device device) {
  return at::tensor(at::IntArrayRef(begin, end), at::kLong).to(device);
}

std::string digest_of(const Image &image) {
  Digest digest;
  for (const int side : {image.width, image.height})
    digest.add({reinterpret_cast<const char *>(&side), sizeof side});
  digest.add({reinterpret_cast<const char *>(image.rgb.data()), image.rgb.size()});
  return digest.hex();
}

/// What a drafted token costs when it stands in a pass beside `rows` others, as a part of what a
/// token costs there. `alone`: the same beside one other.
double shared_row_cost(double alone, size_t rows) {
  const double all = alone * static_cast<double>(rows);
  return all / (1 - alone + all);
}

} // namespace

/// What a PictureMemory holds: the pictures' tokens, and the beginning of a conversation about
/// them.
struct LoadedModel::Seen {
  const LoadedModel *by;
  at::Tensor visual_tokens;
  TokenIds ids; // through the last picture
  std::optional<KvCache> cache;

  /// What this model left in the memory, if anything.
  static std::shared_ptr<const Seen> in(PictureMemory &memory, const LoadedModel &model) {
    std::lock_guard<std::mutex> lock(memory.mutex);
    const auto seen = std::static_pointer_cast<const Seen>(memory.seen);
    return seen && seen->by == &model ? seen : nullptr;
  }
};

/// A prompt is read in three passes: the text before the first picture, the pictures and what
/// stands between them, the rest. Reuse leaves out whole ones. How products are rounded may depend
/// on the number of rows, and so every row is the same with and without.
struct LoadedModel::Parts {
  TokenIds text, pictures;             // ids before the first picture; through the last
  int64_t text_end, pictures_end, end; // positions
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
  set_threads(threads_of(request));
  if (request.ocr)
    request.ocr_text = recognise_text(request, tokenizer_->special_tokens(), pace);
  Prompt prompt;
  if (request.max_tokens > 0)
    prompt = write_prompt(request);
  auto answer =
      std::make_unique<Generation>(std::move(request), config_, *tokenizer_, decoder_.cache());
  const Request &asked = answer->request;
  answer->result.prompt = std::move(prompt.text);
  answer->result.input_ids = std::move(prompt.ids);
  answer->result.ocr_text = asked.ocr_text;
  if (asked.max_tokens > 0 && !asked.json_schema.empty())
    answer->constrain(JsonConstraint(asked.json_schema, vocabulary(), config_.stop_ids));
  if (asked.reuse.draft && device_.is_cpu()) // elsewhere a row may depend on its company
    answer->draft_with(Drafter(past_answers(asked.client), answer->result.input_ids));
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
      answer.result.reused.pictures = static_cast<int64_t>(request.images.size());
      return;
    }
  std::vector<at::Tensor> tokens;
  for (const Image &image : request.images)
    tokens.push_back(dump || !request.reuse.vision
                         ? encode(image, answer.result.timings, dump, pace)
                         : look(image, answer, pace));
  if (!tokens.empty())
    answer.visual_tokens = at::cat(tokens, 1);
}

at::Tensor LoadedModel::look(const Image &image, Generation &answer, const Pace &pace) const {
  Picture picture;
  {
    const Stopwatch watch(answer.result.timings.preprocess);
    picture = {digest_of(image), threads_of(answer.request)};
  }
  if (const at::Tensor *seen = pictures_.find(picture)) {
    ++answer.result.reused.pictures;
    return *seen;
  }
  const at::Tensor tokens = encode(image, answer.result.timings, nullptr, pace);
  pictures_.add(std::move(picture), tokens);
  return tokens;
}

at::Tensor LoadedModel::encode(const Image &image, Timings &timings, Dump *dump,
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
  const DeviceStopwatch watch(timings.vision, device_);
  const VisionFeatures features = (*vision_)(pixels, pace);
  timings.parts += features.seconds;
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

LoadedModel::Parts LoadedModel::parts(const Result &result) const {
  const TokenIds &ids = result.input_ids;
  Parts out{{}, {}, 0, 0, result.prompt_positions};
  const auto last = std::find(ids.rbegin(), ids.rend(), kImageToken).base();
  if (last == ids.begin())
    return out; // no pictures
  out.text.assign(ids.begin(), std::find(ids.begin(), ids.end(), kImageToken));
  out.pictures.assign(ids.begin(), last);
  out.text_end = std::min(positions(ids, out.text.size()), out.end);
  out.pictures_end = std::min(positions(ids, out.pictures.size()), out.end);
  return out;
}

/// Reads the prompt into the cache, but for what is known.
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
  const DeviceStopwatch watch(result.timings.prefill, device_);
  const Parts parts = this->parts(result);
  const bool reuses = request.reuse.prefix && !dump;
  if (reuses)
    recall(answer, parts);
  result.reused.positions = answer.cache.length();
  std::vector<at::Tensor> hidden;
  for (const int64_t end : {parts.text_end, parts.pictures_end, parts.end}) {
    const int64_t begin = answer.cache.length();
    if (end <= begin)
      continue;
    const at::Tensor part = embeds.narrow(1, begin, end - begin);
    hidden.push_back(end == parts.end && !dump ? read_with_draft(part, answer, pace)
                                               : decoder_.forward(part, answer.cache, pace));
    if (reuses && end == parts.text_end)
      prefixes_.add({parts.text, threads_of(request)},
                    std::make_shared<KvCache>(answer.cache.fork(end, end)));
  }
  if (dump) {
    dump->add("inputs_embeds", embeds.narrow(1, 0, parts.end));
    dump->add("logits", decoder_.logits(at::cat(hidden, 1)));
  }
  const int64_t checked = answer.cache.length() - parts.end + 1; // and the prompt's last position
  answer.logits = decoder_.logits(hidden.back().squeeze(0).narrow(0, -checked, checked));
}

/// The last part of a prompt, and behind it, in the same pass, the answer's first draft, as far as
/// no row depends on the others.
at::Tensor LoadedModel::read_with_draft(const at::Tensor &embeds, Generation &answer,
                                        const Pace &pace) const {
  const int64_t rows = embeds.size(1), end = answer.cache.length() + rows;
  const int64_t most =
      std::min(decoder_.independent_rows() - rows, config_.decoder.max_position_embeddings - end);
  const TokenIds draft = most > 0 ? answer.draft(most, row_cost_) : TokenIds();
  if (draft.empty())
    return decoder_.forward(embeds, answer.cache, pace);
  const at::Tensor drafted =
      decoder_.embed(id_tensor(draft.data(), draft.data() + draft.size(), device_)).unsqueeze(0);
  return decoder_.forward(at::cat({embeds, drafted}, 1), answer.cache, pace, drafted.size(1));
}

/// Begins the answer's cache with what an earlier one read of the same beginning.
void LoadedModel::recall(Generation &answer, const Parts &parts) const {
  // The first token comes from the last position, which is read anew.
  const int64_t room = parts.end + std::min<int64_t>(answer.request.max_tokens, 256);
  const auto &memory = answer.request.memory;
  const auto seen = memory ? Seen::in(*memory, *this) : nullptr;
  if (seen && seen->cache && parts.pictures_end < parts.end && seen->ids == parts.pictures)
    answer.cache = seen->cache->fork(parts.pictures_end, room);
  else if (parts.text_end > 0 && parts.text_end < parts.end)
    if (const auto *prefix = prefixes_.find({parts.text, threads_of(answer.request)}))
      answer.cache = (*prefix)->fork(parts.text_end, room);
}

void LoadedModel::remember(Generation &answer) const {
  const auto &memory = answer.request.memory;
  if (!memory || !answer.visual_tokens.defined())
    return;
  const auto before = Seen::in(*memory, *this);
  const Parts parts = this->parts(answer.result);
  const bool has_read = answer.request.reuse.prefix && !parts.pictures.empty() &&
                        answer.cache.length() > parts.pictures_end;
  if (before && (before->cache || !has_read))
    return;
  auto seen = std::make_shared<Seen>();
  seen->by = this;
  seen->visual_tokens = answer.visual_tokens;
  if (has_read) {
    seen->ids = parts.pictures;
    seen->cache = answer.cache.fork(parts.pictures_end, parts.pictures_end);
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

int LoadedModel::threads_of(const Request &request) const {
  return request.threads > 0 ? request.threads : threads_;
}

std::shared_ptr<PastAnswers> LoadedModel::past_answers(uint64_t client) const {
  if (const auto *past = past_.find(client))
    return *past;
  return past_.add(client, std::make_shared<PastAnswers>());
}

void LoadedModel::advance(const std::vector<Answer *> &answers) const {
  const c10::InferenceMode inference;
  int threads = 0; // the most that anyone asked for
  std::vector<Generation *> going;
  for (Answer *answer : answers) {
    auto &generation = static_cast<Generation &>(*answer);
    threads = std::max(threads, threads_of(generation.request));
    if (generation.pick())
      going.push_back(&generation);
  }
  if (going.empty())
    return;
  set_threads(threads);
  std::vector<KvCache *> caches; // a row's each
  TokenIds ids;
  std::vector<int64_t> firsts; // rows of the last tokens
  const double cost = shared_row_cost(row_cost_, going.size());
  for (size_t i = 0; i < going.size(); ++i) {
    const auto left = static_cast<int64_t>(going.size() - i);
    const auto free = kFewRows - static_cast<int64_t>(ids.size()) - left;
    const TokenIds &draft = going[i]->draft(free / left, cost);
    firsts.push_back(static_cast<int64_t>(ids.size()));
    ids.push_back(going[i]->last_token());
    std::copy(draft.begin(), draft.end(), std::back_inserter(ids));
    caches.resize(ids.size(), &going[i]->cache);
  }
  firsts.push_back(static_cast<int64_t>(ids.size()));
  double seconds = 0;
  {
    const DeviceStopwatch watch(seconds, device_);
    const at::Tensor tokens = id_tensor(ids.data(), ids.data() + ids.size(), device_);
    const at::Tensor hidden = decoder_.decode(decoder_.embed(tokens).unsqueeze(1), caches);
    const at::Tensor logits = decoder_.logits(hidden.squeeze(1));
    for (size_t i = 0; i < going.size(); ++i)
      going[i]->logits = logits.narrow(0, firsts[i], firsts[i + 1] - firsts[i]);
  }
  for (Generation *generation : going) {
    generation->result.timings.decode += seconds;
    generation->result.reused.passes += generation != going.front();
  }
}

} // namespace vlm
