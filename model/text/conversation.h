// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vlm {

/// One question and its answer. The last turn of a prompt is open: it has no answer yet.
struct Turn {
  std::string question;
  std::optional<std::string> answer;
};

/// Names of all conversation templates, in the reference's spelling (mgm-spec 4.2), and "vlm_tiny".
const std::vector<std::string> &template_names();

/// Turns as text, byte for byte as the reference renders them. `system` replaces the template's own
/// system text where it has one (Error(Settings) naming a template that has no place for it).
/// Error(Settings) naming an unknown template.
std::string render(const std::string &template_name, const std::vector<Turn> &turns,
                   const std::optional<std::string> &system = {});

/// The user's message as the reference's command line builds it: OCR text and ` <GEN>` behind the
/// question (mgm-spec 5.1, 5.4).
std::string user_message(const std::string &question, const std::string &ocr_text, bool generate);

/// `<image>\n` once per picture before `question` (first turn only), and `Image k:` marks in the
/// rendered prompt when it holds two or more pictures (mgm-spec 4.3).
std::string with_images(const std::string &question, int count);
std::string mark_images(const std::string &prompt);

/// What stands in the last complete `<h>...</h>`, trimmed; empty without one (mgm-spec 5.2).
std::string generation_prompt(const std::string &answer);

} // namespace vlm
