// SPDX-License-Identifier: LGPL-2.1-or-later
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/text/split_pattern.h"

#include "model/core/error.h"

#include <pcre2.h>

namespace vlm {
namespace {

std::string message_of(int code) {
  PCRE2_UCHAR text[256];
  return pcre2_get_error_message(code, text, sizeof text) < 0 ? std::to_string(code)
                                                              : reinterpret_cast<char *>(text);
}

// White space of PCRE2's \s has U+180E on top of Unicode's, which the reference's engine uses.
std::string with_unicode_space(const std::string &expression) {
  std::string out;
  for (size_t i = 0; i < expression.size(); ++i) {
    const char next = i + 1 < expression.size() ? expression[i + 1] : '\0';
    if (expression[i] != '\\' || next == '\0')
      out += expression[i];
    else {
      out += next == 's'   ? "\\p{White_Space}"
             : next == 'S' ? "\\P{White_Space}"
                           : std::string{'\\', next};
      ++i;
    }
  }
  return out;
}

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

size_t next_character(std::string_view text, size_t at) {
  do
    ++at;
  while (at < text.size() && (text[at] & 0xC0) == 0x80);
  return at;
}

std::shared_ptr<const pcre2_code> compile(const std::string &expression) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code *code = pcre2_compile(units(expression), expression.size(), PCRE2_UTF | PCRE2_UCP,
                                   &error, &offset, nullptr);
  if (!code)
    fail(ErrorCategory::Unsupported, "regular expression \"", expression,
         "\": ", message_of(error));
  return {code, pcre2_code_free};
}

} // namespace

SplitPattern::SplitPattern(const std::string &expression)
    : code_(compile(with_unicode_space(expression))) {}

std::vector<std::pair<size_t, size_t>> SplitPattern::find_all(std::string_view text) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(code_.get(), nullptr), pcre2_match_data_free);
  if (!match)
    fail(ErrorCategory::Memory, "no memory for a regular expression's match");
  std::vector<std::pair<size_t, size_t>> found;
  for (size_t at = 0; at < text.size();) {
    const int status = pcre2_match(code_.get(), units(text), text.size(), at, PCRE2_NO_UTF_CHECK,
                                   match.get(), nullptr);
    if (status == PCRE2_ERROR_NOMATCH)
      break;
    if (status < 0)
      fail(ErrorCategory::Data, "splitting the text at byte ", at, ": ", message_of(status));
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(match.get());
    if (range[1] > range[0])
      found.push_back({range[0], range[1]});
    at = range[1] > at ? range[1] : next_character(text, at);
  }
  return found;
}

std::string lower_case(std::string_view text) {
  static const std::shared_ptr<const pcre2_code> upper = compile("[\\p{Lu}\\p{Lt}]+");
  const std::string_view to = "\\L$0";
  std::string out(text.size() * 2 + 1, '\0'); // a letter may take another number of bytes
  PCRE2_SIZE length = out.size();
  const int status = pcre2_substitute(
      upper.get(), units(text), text.size(), 0,
      PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_EXTENDED | PCRE2_NO_UTF_CHECK, nullptr, nullptr,
      units(to), to.size(), reinterpret_cast<PCRE2_UCHAR *>(out.data()), &length);
  if (status < 0)
    fail(ErrorCategory::Data, "making the text lower case: ", message_of(status));
  out.resize(length);
  return out;
}

} // namespace vlm
