// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/added_tokens.h"

#include <algorithm>
#include <utility>

namespace vlm {
namespace {

// Unicode's White_Space.
constexpr std::string_view kSpaces[] = {
    "\t",           "\n",           "\v",           "\f",           "\r",           " ",
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
    "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
    "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
    "\xE3\x80\x80"};

size_t leading_space(std::string_view text) {
  size_t length = 0;
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view space : kSpaces)
      if (text.substr(length, space.size()) == space) {
        length += space.size();
        found = true;
      }
  }
  return length;
}

size_t trailing_space(std::string_view text) {
  size_t length = 0;
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view space : kSpaces) {
      const size_t left = text.size() - length;
      if (left >= space.size() && text.substr(left - space.size(), space.size()) == space) {
        length += space.size();
        found = true;
      }
    }
  }
  return length;
}

} // namespace

AddedTokenSplitter::AddedTokenSplitter(std::vector<AddedToken> tokens) {
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
    std::string_view before = text.substr(begin, at - begin);
    if (token->lstrip)
      before.remove_suffix(trailing_space(before));
    if (!before.empty())
      parts.push_back({before, -1});
    parts.push_back({text.substr(at, token->content.size()), token->id});
    at += token->content.size();
    if (token->rstrip)
      at += leading_space(text.substr(at));
    begin = at;
  }
  if (begin < text.size())
    parts.push_back({text.substr(begin), -1});
  return parts;
}

} // namespace vlm
