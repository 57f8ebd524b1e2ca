// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/prompt.h"

#include "model/core/utf8.h"

#include <algorithm>

namespace vlm {
namespace {

void check_text(const std::string &text, const char *what) {
  const size_t valid = utf8_valid_prefix(text);
  if (valid != text.size())
    fail(ErrorCategory::Data, what, " is not valid UTF-8 at byte ", valid);
}

void check(const Request &request) {
  if (request.question.empty())
    fail(ErrorCategory::Data, "the question is empty");
  check_text(request.question, "the question");
  check_text(request.ocr_text, "the OCR text");
  if (request.system)
    check_text(*request.system, "the system prompt");
  for (const Turn &turn : request.turns) {
    check_text(turn.question, "an earlier question");
    if (!turn.answer)
      fail(ErrorCategory::Data, "the earlier question \"", turn.question, "\" has no answer");
    check_text(*turn.answer, "an earlier answer");
  }
}

} // namespace

std::string default_template(const ModelConfig &config, const Tokenizer &tokenizer) {
  if (!config.conversation_template.empty())
    return config.conversation_template;
  if (config.family == Family::Gemma)
    return "gemma";
  if (config.family == Family::Mixtral)
    return "mistral_instruct";
  if (tokenizer.piece_id("<|start_header_id|>"))
    return "llama_3";
  return tokenizer.piece_id("<|im_start|>") ? "chatml_direct" : "vicuna_v1";
}

Prompt build_prompt(const Request &request, const std::string &template_name,
                    const Tokenizer &tokenizer) {
  check(request);
  std::vector<Turn> turns = request.turns;
  turns.push_back({user_message(request.question, request.ocr_text, request.generate), {}});
  turns.front().question =
      with_images(turns.front().question, static_cast<int>(request.images.size()));

  Prompt prompt;
  prompt.text = mark_images(render(template_name, turns, request.system));
  prompt.ids = tokenize_prompt(tokenizer, prompt.text);
  const auto marks = std::count(prompt.ids.begin(), prompt.ids.end(), kImageToken);
  if (marks != static_cast<int64_t>(request.images.size()))
    fail(ErrorCategory::Data, "the conversation holds ", marks, " <image> marks, but ",
         request.images.size(), " pictures were given");
  return prompt;
}

} // namespace vlm
