// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace vlm {

/// How the parts of a template are put together.
enum class TemplateStyle {
  Single, ///< "Role: message" + separator
  Two,    ///< the same with another separator behind answers
  Direct, ///< role + message + separator
  Gemma,
  Llama2,
  Plain, ///< messages only
  Tiny   ///< the embedded model's: Two without a system text and without a space before answers
};

struct ConversationTemplate {
  std::string name;
  TemplateStyle style;
  std::string system_header; ///< in front of the system text
  std::string system;
  std::string user, assistant; ///< roles
  std::string separator;
  std::string answer_separator; ///< where the style has one
};

const std::vector<ConversationTemplate> &conversation_templates();

} // namespace vlm
