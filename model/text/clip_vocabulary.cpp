// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/clip_vocabulary.h"

#include "model/core/error.h"
#include "model/core/json_file.h"
#include "model/core/mapped_file.h"
#include "model/core/utf8.h"
#include "model/text/byte_level.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace vlm {
namespace {

using nlohmann::json;
using Pieces = std::unordered_set<std::string>;

const char *const kWordEnd = "</w>";

// The lines of merges.txt behind its version.
json read_merges(const std::string &path) {
  const std::string text = read_file(path);
  json merges = json::array();
  size_t begin = 0;
  for (size_t number = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (number > 0 && !line.empty())
      merges.push_back(std::move(line));
  }
  if (merges.empty() || !utf8_valid(text))
    fail(ErrorCategory::Format, path, ": no list of merges");
  return merges;
}

void check_ids(const json &vocabulary, const std::string &path) {
  std::vector<bool> taken;
  for (const auto &[piece, id] : vocabulary.items()) {
    const auto place = id.get<size_t>();
    taken.resize(std::max(taken.size(), place + 1));
    taken[place] = true;
  }
  const auto hole = std::find(taken.begin(), taken.end(), false);
  if (hole != taken.end())
    fail(ErrorCategory::Format, path, ": no piece has the id ", hole - taken.begin(),
         ", but one has ", taken.size() - 1);
}

/// What a text is split into before any merge.
Pieces byte_symbols() {
  Pieces out;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string symbol = bytes_to_characters(std::string(1, static_cast<char>(byte)));
    out.insert(symbol);
    out.insert(symbol + kWordEnd);
  }
  return out;
}

void check_pieces(const json &model, Pieces known, const std::string &path) {
  for (const json &merge : model.at("merges")) {
    std::string pair = merge;
    known.insert(pair.erase(pair.find(' '), 1));
  }
  for (const auto &[piece, id] : model.at("vocab").items())
    if (known.count(piece) == 0)
      fail(ErrorCategory::Format, path, ": no merge makes the piece \"", piece,
           "\" of vocab.json (id ", id.dump(), ')');
}

} // namespace

json read_clip_vocabulary(const std::string &directory) {
  return {{"vocab", read_json_object(directory + "/vocab.json")},
          {"merges", read_merges(directory + "/merges.txt")},
          {"end_of_word_suffix", kWordEnd}};
}

void check_clip_vocabulary(const json &model, const std::set<std::string> &special,
                           const std::string &directory) {
  check_ids(model.at("vocab"), directory + "/vocab.json");
  Pieces known = byte_symbols();
  known.insert(special.begin(), special.end());
  check_pieces(model, std::move(known), directory + "/merges.txt");
}

} // namespace vlm
