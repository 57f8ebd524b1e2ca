// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/added_tokens.h"

#include <algorithm>
#include <utility>

namespace vlm {
namespace {

// Unicode's White_Space, and four controls that Python's str.strip() takes as well.
constexpr std::string_view kSpaces[] = {
    "\t",           "\n",           "\v",           "\f",           "\r",           " ",
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
    "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
    "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
    "\xE3\x80\x80"};
constexpr std::string_view kPythonSpaces[] = {"\x1C", "\x1D", "\x1E", "\x1F"};

bool starts_with(std::string_view text, std::string_view part) {
  return text.substr(0, part.size()) == part;
}

bool ends_with(std::string_view text, std::string_view part) {
  return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
}

// Length of the space that `at_edge(text, space)` finds, 0 for none.
template <typename AtEdge> size_t space(std::string_view text, WhiteSpace kind, AtEdge at_edge) {
  for (const std::string_view one : kSpaces)
    if (at_edge(text, one))
      return one.size();
  if (kind == WhiteSpace::Python)
    for (const std::string_view one : kPythonSpaces)
      if (at_edge(text, one))
        return one.size();
  return 0;
}

std::string_view without_leading_space(std::string_view text, WhiteSpace kind) {
  while (const size_t length = space(text, kind, starts_with))
    text.remove_prefix(length);
  return text;
}

std::string_view without_trailing_space(std::string_view text, WhiteSpace kind) {
  while (const size_t length = space(text, kind, ends_with))
    text.remove_suffix(length);
  return text;
}

} // namespace

AddedTokenSplitter::AddedTokenSplitter(std::vector<AddedToken> tokens, WhiteSpace white_space)
    : white_space_(white_space) {
  for (AddedToken &token : tokens)
    if (!token.content.empty())
      by_first_byte_[static_cast<unsigned char>(token.content[0])].push_back(std::move(token));
  for (std::vector<AddedToken> &same : by_first_byte_)
    std::sort(same.begin(), same.end(), [](const AddedToken &a, const AddedToken &b) {
      return a.content.size() > b.content.size();
    });
}

const AddedToken *AddedTokenSplitter::match(std::string_view text) const {
  for (const AddedToken &token : by_first_byte_[static_cast<unsigned char>(text[0])])
    if (text.substr(0, token.content.size()) == token.content)
      return &token;
  return nullptr;
}

std::vector<AddedTokenSplitter::Part> AddedTokenSplitter::split(std::string_view text) const {
  std::vector<Part> parts;
  size_t begin = 0; // of the ordinary text before the next token
  for (size_t at = 0; at < text.size();) {
    const AddedToken *token = match(text.substr(at));
    if (!token) {
      ++at;
      continue;
    }
    std::string_view before = at > begin ? text.substr(begin, at - begin) : std::string_view();
    if (token->lstrip)
      before = without_trailing_space(before, white_space_);
    if (!before.empty())
      parts.push_back({before, -1});
    parts.push_back({text.substr(at, token->content.size()), token->id});
    at += token->content.size(); // a token that begins with the swallowed space is still found
    begin = token->rstrip
                ? text.size() - without_leading_space(text.substr(at), white_space_).size()
                : at;
  }
  if (begin < text.size())
    parts.push_back({text.substr(begin), -1});
  return parts;
}

} // namespace vlm
