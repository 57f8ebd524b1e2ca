// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/conversation.h"

#include "model/core/error.h"
#include "model/core/strip.h"
#include "model/text/conversation_templates.h"

#include <algorithm>
#include <string_view>

namespace vlm {
namespace {

constexpr std::string_view kImage = "<image>";

// What one message becomes. As in the reference an empty message counts as none: the role stands
// open.

std::string colon(const std::string &role, const std::string &message,
                  const std::string &separator) {
  return message.empty() ? role + ":" : role + ": " + message + separator;
}

std::string direct(const std::string &role, const std::string &message,
                   const std::string &separator) {
  return message.empty() ? role : role + message + separator;
}

std::string gemma(const std::string &role, const std::string &message,
                  const std::string &separator) {
  const std::string start = "<start_of_turn>" + role + "\n";
  return message.empty() ? start : start + message + "<end_of_turn>\n" + separator;
}

std::string llama_2_question(const ConversationTemplate &form, const std::string &message) {
  return message.empty() ? "" : form.separator + "[INST] " + message + " [/INST]";
}

std::string llama_2_answer(const ConversationTemplate &form, const std::string &message) {
  return message.empty() ? "" : " " + message + " " + form.answer_separator;
}

std::string render_question(const ConversationTemplate &form, const std::string &message) {
  switch (form.style) {
  case TemplateStyle::Single:
  case TemplateStyle::Two:
    return colon(form.user, message, form.separator);
  case TemplateStyle::Direct:
    return direct(form.user, message, form.separator);
  case TemplateStyle::Gemma:
    return gemma(form.user, message, form.separator);
  case TemplateStyle::Llama2:
    return llama_2_question(form, message);
  case TemplateStyle::Plain:
    return direct("", message, form.separator);
  case TemplateStyle::Tiny:
    return direct(form.user + " ", message, form.separator);
  }
  return {};
}

std::string render_answer(const ConversationTemplate &form, const std::string &message) {
  switch (form.style) {
  case TemplateStyle::Single:
    return colon(form.assistant, message, form.separator);
  case TemplateStyle::Two:
    return colon(form.assistant, message, form.answer_separator);
  case TemplateStyle::Direct:
    return direct(form.assistant, message, form.separator);
  case TemplateStyle::Gemma:
    return gemma(form.assistant, message, form.answer_separator);
  case TemplateStyle::Llama2:
    return llama_2_answer(form, message);
  case TemplateStyle::Plain:
    if (!message.empty())
      fail(ErrorCategory::Settings, "template \"", form.name, "\" has no form for answers");
    return {};
  case TemplateStyle::Tiny:
    return direct(form.assistant, message, form.answer_separator);
  }
  return {};
}

const ConversationTemplate &find(const std::string &name) {
  for (const ConversationTemplate &form : conversation_templates())
    if (form.name == name)
      return form;
  std::string known;
  for (const std::string &each : template_names())
    known += (known.empty() ? "" : ", ") + each;
  fail(ErrorCategory::Settings, "template \"", name, "\" is unknown; there are ", known);
}

// Llama 2 puts the system text into the first question.
std::string first_question(const ConversationTemplate &form, const std::string &system,
                           const std::string &question) {
  if (form.style != TemplateStyle::Llama2)
    return question;
  if (question.empty())
    fail(ErrorCategory::Data, "template \"", form.name,
         "\" needs a first question that is not empty");
  return system.empty() ? question : "<<SYS>>\n" + system + "\n<</SYS>>\n\n" + question;
}

std::string opening(const ConversationTemplate &form, const std::string &system) {
  switch (form.style) {
  case TemplateStyle::Single:
  case TemplateStyle::Two:
  case TemplateStyle::Direct:
    return form.system_header + system + form.separator;
  default:
    return {};
  }
}

bool has_place_for_system(TemplateStyle style) {
  return style != TemplateStyle::Gemma && style != TemplateStyle::Plain &&
         style != TemplateStyle::Tiny;
}

} // namespace

const std::vector<std::string> &template_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const ConversationTemplate &form : conversation_templates())
      out.push_back(form.name);
    return out;
  }();
  return names;
}

std::string render(const std::string &template_name, const std::vector<Turn> &turns,
                   const std::optional<std::string> &system) {
  const ConversationTemplate &form = find(template_name);
  if (system && !has_place_for_system(form.style))
    fail(ErrorCategory::Settings, "template \"", template_name,
         "\" has no place for a system text");
  const std::string system_text = system.value_or(form.system);
  std::string out = opening(form, system_text);
  for (size_t i = 0; i < turns.size(); ++i) {
    const std::string &question = turns[i].question;
    out += render_question(form, i == 0 ? first_question(form, system_text, question) : question);
    out += render_answer(form, turns[i].answer.value_or(""));
  }
  if (form.style == TemplateStyle::Llama2) // the reference strips these characters, not the mark
    out.erase(0, std::min(out.find_first_not_of(form.separator), out.size()));
  return out;
}

std::string user_message(const std::string &question, const std::string &ocr_text, bool generate) {
  std::string message = question;
  if (!ocr_text.empty())
    message += "\nReference OCR Token: " + ocr_text + "\n";
  return generate ? message + " <GEN>" : message;
}

std::string with_images(const std::string &question, int count) {
  std::string message;
  for (int i = 0; i < count; ++i)
    message += std::string(kImage) + "\n";
  return message + question;
}

std::string mark_images(const std::string &prompt) {
  const size_t first = prompt.find(kImage);
  if (first == std::string::npos || prompt.find(kImage, first + 1) == std::string::npos)
    return prompt;
  std::string out;
  size_t done = 0;
  int number = 0;
  for (size_t at = first; at != std::string::npos; at = prompt.find(kImage, done)) {
    out += prompt.substr(done, at - done) + "Image " + std::to_string(++number) + ":";
    out += kImage;
    done = at + kImage.size();
  }
  return out + prompt.substr(done);
}

std::string generation_prompt(const std::string &answer) {
  const std::string open = "<h>", close = "</h>";
  const size_t last_close = answer.rfind(close);
  if (last_close == std::string::npos)
    return {};
  const size_t begin = answer.rfind(open, last_close);
  if (begin == std::string::npos)
    return {};
  const size_t content = begin + open.size();
  return strip(answer.substr(content, answer.find(close, content) - content));
}

} // namespace vlm
