// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// One step of a tokenizer.json's pipeline, from texts to texts. Immutable: any thread may call it.
using TextStep = std::function<std::vector<std::string>(std::vector<std::string>)>;

/// The steps of the file's "normalizer" (one text in, one out), "pre_tokenizer" (a text in, words
/// out) and "decoder" (pieces in; the decoded text is all texts put together). `part` may be null.
/// Error(Unsupported) naming `path` and the step for one that is not known here.
std::vector<TextStep> normalizer_steps(const nlohmann::json &part, const std::string &path);
std::vector<TextStep> pre_tokenizer_steps(const nlohmann::json &part, const std::string &path);
std::vector<TextStep> decoder_steps(const nlohmann::json &part, const std::string &path);

std::vector<std::string> run(const std::vector<TextStep> &steps, std::vector<std::string> texts);

/// Stands for a space in pieces: U+2581.
constexpr std::string_view kUnderline = "\xE2\x96\x81";

/// `from` must not be empty.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

/// What "clean_up_tokenization_spaces" asks for: no space before punctuation and contractions.
std::string clean_up_spaces(std::string text);

} // namespace vlm
