// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/prompt_encoder.h"

#include "model/core/error.h"
#include "model/core/log.h"
#include "model/weights/model_folder.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

namespace vlm {
namespace {

const char *const kTokenizers[] = {"/tokenizer", "/tokenizer_2"};
const char *const kEncoders[] = {"/text_encoder", "/text_encoder_2"};

ClipTextConfig read_config(const std::string &directory, int which, int64_t ids) {
  const std::string path = directory + kEncoders[which] + "/config.json";
  const ClipTextConfig config = read_clip_text_config(path);
  if ((config.projection_dim > 0) != (which == 1))
    fail(ErrorCategory::Unsupported, path, ": architectures: SDXL's ",
         which ? "second text encoder has a projection" : "first text encoder has no projection");
  if (ids > config.vocab_size)
    fail(ErrorCategory::Format, path, ": vocab_size is ", config.vocab_size, ", but ", directory,
         kTokenizers[which], " has ", ids, " tokens");
  return config;
}

} // namespace

PromptEncoder::PromptEncoder(const std::string &directory)
    : directory_(directory), tokenizers_{ClipTokenizer(directory + kTokenizers[0]),
                                         ClipTokenizer(directory + kTokenizers[1])},
      configs_{read_config(directory, 0, tokenizers_[0].vocab_size()),
               read_config(directory, 1, tokenizers_[1].vocab_size())} {}

PromptEncoder::Tokens PromptEncoder::tokenize(const std::string &text) const {
  return {{tokenizers_[0].encode(text), tokenizers_[1].encode(text)}};
}

void PromptEncoder::load(at::ScalarType matrix_dtype, const Pace &pace) {
  for (size_t i = 0; i < encoders_.size(); ++i) {
    pace.check();
    if (encoders_[i])
      continue;
    const ModelFolder folder(directory_ + kEncoders[i]);
    encoders_[i] =
        std::make_unique<const ClipTextEncoder>(Scope(folder, matrix_dtype), configs_[i]);
  }
}

void PromptEncoder::unload() {
  for (auto &encoder : encoders_)
    encoder.reset();
  log(LogLevel::Info, directory_, ": text encoders are freed");
}

PromptEncoder::Embeddings PromptEncoder::encode(const std::vector<Tokens> &texts,
                                                const Pace &pace) const {
  std::array<ClipTextEncoder::Features, 2> features;
  for (size_t i = 0; i < encoders_.size(); ++i) {
    std::vector<int64_t> ids;
    for (const Tokens &text : texts)
      ids.insert(ids.end(), text.of[i].ids.begin(), text.of[i].ids.end());
    features[i] =
        (*encoders_[i])(at::tensor(ids, at::kLong).view({-1, ClipTokenizer::kLength}), pace);
  }
  return {at::cat({features[0].hidden, features[1].hidden}, -1), features[1].pooled};
}

} // namespace vlm
