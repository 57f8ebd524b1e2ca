// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/quantization_run.h"

#include "model/compute/attention.h"
#include "model/core/evenly.h"
#include "model/engine/prompt.h"
#include "model/quantization/record.h"
#include "model/vision/vision_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace vlm {
namespace {

constexpr const char *kEmbeddings = "model.embed_tokens.weight";

at::Tensor mix(const DecoderLayer &layer, const DecoderConfig &config, const at::Tensor &x) {
  const Rope rope(at::arange(x.size(1), at::kLong), config.head_dim, config.rope_theta);
  return layer.mix(x, rope, [](const auto &q, const auto &k, const auto &v) {
    return causal_attention(q.contiguous(), k.contiguous(), v.contiguous());
  });
}

std::vector<std::function<Image()>> drawn_pictures() {
  std::vector<std::function<Image()>> out;
  for (const Image &image : bundled_pictures())
    out.push_back([image] { return image; });
  return out;
}

// The values of attention are few where queries are grouped, and what they lose goes straight to
// every later layer: they are never packed in four bits.
Quantization form_of(const std::string &name, Quantization precision) {
  const Quantization form = held_in(name, precision);
  const bool values = name.find(".v_proj.") != std::string::npos;
  return values && form == Quantization::Int4 ? Quantization::Int8 : form;
}

const Checkpoint &unquantized(const std::string &directory, const Checkpoint &checkpoint) {
  if (read_quantization(directory) != Quantization::None)
    fail(ErrorCategory::Unsupported, directory, ": is quantised already");
  return checkpoint;
}

} // namespace

Source::Source(const std::string &directory, const std::vector<std::string> &texts,
               std::vector<std::function<Image()>> pictures)
    : checkpoint(directory),
      config(read_model_config(directory, unquantized(directory, checkpoint))) {
  if (!config.has_vision)
    pictures.clear();
  else if (pictures.empty())
    pictures = drawn_pictures();
  const auto most = kMostViews / std::min(kMostViews, static_cast<size_t>(config.vision.views()));
  std::vector<std::function<Image()>> chosen;
  for (const size_t place : evenly(pictures.size(), most))
    chosen.push_back(pictures[place]);
  const auto tokenizer = Tokenizer::load(directory);
  material =
      make_material(*tokenizer, default_template(config, *tokenizer), texts, std::move(chosen));
}

QuantizationRun::QuantizationRun(const Source &source, Quantization precision,
                                 const PartialOutput &output, const QuantizeProgress &progress,
                                 const CancelToken &cancel)
    : source_(source), precision_(precision), output_(output), progress_(progress),
      cancel_(cancel) {
  if (const auto state = output.read_state())
    done_ = read_record(*state, report_);
}

void QuantizationRun::save() const {
  output_.write_state(write_record(done_, report_));
  output_.remove_folder_at(done_ - 1);
}

QuantizeReport QuantizationRun::finish() {
  while (done_ < parts()) {
    output_.make_folder_at(done_ + 1);
    if (done_ == 0)
      see();
    else if (done_ <= source_.config.decoder.num_hidden_layers)
      read_layer(done_ - 1);
    else
      write_head();
    ++done_;
    save();
  }
  write_files();
  const std::string path = output_.publish();
  const Checkpoint made(path);
  report_.digest = made.digest();
  report_.bytes = made.weight_bytes(at::kBFloat16, tied());
  return report_;
}

void QuantizationRun::see() {
  std::vector<at::Tensor> tokens, packed_tokens;
  if (source_.config.has_vision) {
    OverlayStateDict packed(source_.checkpoint);
    // What goes into all their layers would take gigabytes: one tower after the other.
    for (const bool clip : {true, false}) {
      InputRecorder recorder("model.vision_tower.", clip);
      Used used, wanted;
      tokens = picture_tokens(source_.checkpoint, &used, &recorder);
      std::copy_if(used.begin(), used.end(), std::back_inserter(wanted),
                   [&](const std::string &name) { return recorder.wants(name); });
      pack(clip ? "vision" : "vision-aux", std::move(wanted), recorder, packed);
    }
    packed_tokens = picture_tokens(packed, nullptr, nullptr);
  }
  const Linear exact(source_.checkpoint.load(kEmbeddings, at::kBFloat16), {});
  embed(tokens, exact, next("reference"));
  embed(packed_tokens, tied() ? rounded_embeddings() : exact, next("quantized"));
}

// As the head will hold them, but for its smoothing, which is found last.
Linear QuantizationRun::rounded_embeddings() const {
  const DecoderConfig &config = source_.config.decoder;
  const Scope scope = Scope(source_.checkpoint, at::kBFloat16).quantized(Quantization::Int8);
  return Linear(scope.sub("model").sub("embed_tokens"), config.hidden_size, config.vocab_size,
                false);
}

std::vector<at::Tensor> QuantizationRun::picture_tokens(const StateDict &dict, Used *used,
                                                        LinearObserver *observer) const {
  const Scope scope = Scope(dict, at::kBFloat16, at::kCPU, used).observed(observer).sub("model");
  const VisionModel vision(scope, source_.config.vision, source_.config.decoder.hidden_size);
  std::vector<at::Tensor> out;
  for (const auto &picture : source_.material.pictures)
    out.push_back(
        vision(preprocess(picture(), vision.config(), vision.vision_tower().image_size()), cancel_)
            .visual_tokens);
  return out;
}

void QuantizationRun::embed(const std::vector<at::Tensor> &pictures, const Linear &table,
                            const HiddenStates &to) const {
  const DecoderConfig &config = source_.config.decoder;
  const std::vector<std::vector<int64_t>> &prompts = source_.material.prompts;
  size_t picture = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    std::vector<at::Tensor> parts;
    for (auto at = prompts[i].begin(); at != prompts[i].end();) {
      const auto mark = std::find(at, prompts[i].end(), kImageToken);
      if (mark != at)
        parts.push_back(
            table.rows(at::tensor(std::vector<int64_t>(at, mark), at::kLong)).unsqueeze(0));
      if (mark != prompts[i].end())
        parts.push_back(pictures[picture++]);
      at = mark == prompts[i].end() ? mark : mark + 1;
    }
    const at::Tensor x = at::cat(parts, 1);
    const double scale = config.scale_embeddings ? std::sqrt(double(config.hidden_size)) : 1;
    to.write(i, x.narrow(1, 0, std::min(x.size(1), config.max_position_embeddings)) * scale);
  }
}

// One prompt after the other, but for experts, which are streamed: with some prompts at a time they
// are read few times.
void QuantizationRun::run(const DecoderLayer &layer, const char *form) const {
  const DecoderConfig &config = source_.config.decoder;
  const HiddenStates from = done(form), to = next(form);
  const int64_t most = config.num_local_experts > 1 ? 4096 : 1; // positions
  for (size_t first = 0, end = 0; first < source_.material.prompts.size();) {
    std::vector<at::Tensor> some;
    for (int64_t positions = 0; end < source_.material.prompts.size() && positions < most; ++end) {
      cancel_.check();
      some.push_back(mix(layer, config, from.read(end)));
      positions += some.back().size(1);
    }
    for (const at::Tensor &x : layer.feed_forward(some))
      to.write(first++, x);
  }
}

void QuantizationRun::read_layer(int64_t index) {
  const auto layer_of = [&](const Scope &scope) {
    return DecoderLayer(scope.sub("model").sub("layers").sub(index), source_.config.decoder);
  };
  OverlayStateDict packed(source_.checkpoint);
  {
    InputRecorder recorder(recorded_width());
    Used used;
    run(layer_of(Scope(source_.checkpoint, at::kBFloat16, at::kCPU, &used)
                     .observed(&recorder)
                     .streamed()),
        "reference");
    std::string number = std::to_string(index);
    number.insert(0, 4 - std::min<size_t>(4, number.size()), '0');
    pack("layer-" + number, std::move(used), recorder, packed);
  }
  run(layer_of(Scope(packed, at::kBFloat16)), "quantized");
}

// As wide as all rows of inputs allow; with experts, which get a part of them, no wider than their
// many matrices have room for.
int64_t QuantizationRun::recorded_width() const {
  if (precision_ != Quantization::Int4)
    return 0;
  int64_t rows = 0;
  for (size_t i = 0; i < source_.material.prompts.size(); ++i)
    rows += done("reference").length(i);
  constexpr int64_t kExpertWidth = 512;
  const bool experts = source_.config.decoder.num_local_experts > 1;
  return experts ? std::min(feedback_width(rows), kExpertWidth) : feedback_width(rows);
}

void QuantizationRun::write_head() {
  const DecoderConfig &config = source_.config.decoder;
  const std::string weight = tied() ? kEmbeddings : "lm_head.weight";
  const RmsNorm norm(Scope(source_.checkpoint, at::kBFloat16).sub("model").sub("norm"),
                     config.hidden_size, config.rms_norm_eps, config.norm_unit_offset);
  InputRecorder recorder(0);
  for (size_t i = 0; i < source_.material.prompts.size(); ++i)
    recorder.saw("lm_head", norm(done("reference").read(i))[0]);
  {
    const Linear head(source_.checkpoint.load(weight, at::kBFloat16), {});
    report_.perplexity = perplexity(done("reference"), norm, head);
  }
  OverlayStateDict packed(source_.checkpoint);
  Used used = {"model.norm.weight", "lm_head.weight"};
  if (!tied())
    used.emplace_back(kEmbeddings);
  pack("head", std::move(used), recorder, packed);
  const Linear head(Scope(packed, at::kBFloat16).sub("lm_head"), config.hidden_size,
                    config.vocab_size, false);
  report_.quantized_perplexity = perplexity(done("quantized"), norm, head);
}

double QuantizationRun::perplexity(const HiddenStates &hidden, const RmsNorm &norm,
                                   const Linear &head) {
  constexpr int64_t kRows = 64; // whose logits are in memory at once
  double sum = 0;
  int64_t &tokens = report_.tokens = 0;
  for (size_t i = 0; i < source_.material.prompts.size(); ++i) {
    const std::vector<int64_t> &ids = source_.material.prompts[i];
    if (std::count(ids.begin(), ids.end(), kImageToken) > 0)
      continue;
    const at::Tensor x = norm(hidden.read(i))[0];
    const int64_t known = x.size(0) - 1;
    for (int64_t first = 0; first < known; first += kRows) {
      cancel_.check();
      const int64_t count = std::min(kRows, known - first);
      const at::Tensor next =
          at::tensor(std::vector<int64_t>(ids.begin() + first + 1, ids.begin() + first + 1 + count),
                     at::kLong);
      const at::Tensor likelihoods = at::log_softmax(head(x.narrow(0, first, count)), -1);
      sum -= at::gather(likelihoods, 1, next.unsqueeze(1)).sum(at::kDouble).item<double>();
      tokens += count;
    }
  }
  return std::exp(sum / static_cast<double>(std::max<int64_t>(tokens, 1)));
}

void QuantizationRun::pack(const std::string &part, Used used, const InputRecorder &recorder,
                           OverlayStateDict &packed) {
  const Checkpoint &checkpoint = source_.checkpoint;
  PartialOutput::Tensors shard;
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end()); // streamed ones are read again
  for (const std::string &name : used) {
    cancel_.check();
    const std::string weight = name == "lm_head.weight" && tied() ? kEmbeddings : name;
    const bool matrix = checkpoint.shape(weight).size() == 2;
    const Quantization kind = matrix ? form_of(name, precision_) : Quantization::None;
    if (kind == Quantization::None) {
      shard.emplace_back(name, checkpoint.load(name, checkpoint.dtype(name)));
      continue;
    }
    const std::string linear = name.substr(0, name.rfind('.'));
    progress_(done_, parts(), linear);
    const PackedLinear made = pack_matrix(linear, weight, kind, recorder);
    for (const auto &[what, tensor] : made.tensors) {
      shard.emplace_back(linear + "." + what, tensor);
      packed.set(linear + "." + what, tensor);
    }
    report_.linears.push_back(made.report);
  }
  output_.write_shard("model-" + part, shard);
}

PackedLinear QuantizationRun::pack_matrix(const std::string &name, const std::string &weight,
                                          Quantization kind, const InputRecorder &recorder) const {
  const std::vector<int64_t> shape = source_.checkpoint.shape(weight);
  const auto rows = [&](int64_t first, int64_t count) {
    return source_.checkpoint.load_rows(weight, at::kFloat, first, count);
  };
  return pack_linear({name, shape[0], shape[1], rows, recorder.of(name)}, kind);
}

void QuantizationRun::write_files() const {
  const std::filesystem::path from = source_.checkpoint.directory();
  for (const auto &entry : std::filesystem::directory_iterator(from))
    if (entry.is_regular_file() && is_description(entry.path()))
      output_.copy_from(entry.path());
  output_.write_text("config.json", quantized_config(source_, precision_, report_));
  output_.write_text("calibration.json", calibration_record(source_, report_));
}

} // namespace vlm
