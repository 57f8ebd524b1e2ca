// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/text_steps.h"

#include "model/core/error.h"
#include "model/core/utf8.h"
#include "model/text/byte_level.h"
#include "model/text/split_pattern.h"

#include <memory>
#include <utility>

namespace vlm {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

const char *const kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

TextStep for_each(std::function<std::string(std::string)> change) {
  return [change = std::move(change)](Texts texts) {
    for (std::string &text : texts)
      text = change(std::move(text));
    return texts;
  };
}

[[noreturn]] void unsupported(const std::string &path, const char *kind, const json &step) {
  fail(ErrorCategory::Unsupported, path, ": ", kind, " ", step.dump().substr(0, 200));
}

// `part` as a list: nothing, one step, or the members of a sequence.
std::vector<json> members(const json &part, const char *list) {
  if (part.is_null())
    return {};
  if (part.at("type") == "Sequence")
    return part.at(list).get<std::vector<json>>();
  return {part};
}

TextStep replace_step(const json &step, const std::string &path) {
  const json &pattern = step.at("pattern");
  if (!pattern.contains("String") || pattern["String"] == "")
    unsupported(path, "replacement", step);
  return for_each([from = pattern["String"].get<std::string>(),
                   to = step.at("content").get<std::string>()](const std::string &text) {
    return replace_all(text, from, to);
  });
}

TextStep normalizer_step(const json &step, const std::string &path) {
  const std::string type = step.at("type");
  if (type == "Replace")
    return replace_step(step, path);
  if (type == "Prepend")
    return for_each([prefix = step.at("prepend").get<std::string>()](const std::string &text) {
      return text.empty() ? text : prefix + text;
    });
  unsupported(path, "normalizer", step);
}

// Expressions that match exactly this text.
std::string quoted(const std::string &text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\^$.[]|()?*+{}-#").find(c) != std::string_view::npos)
      out += '\\';
    out += c;
  }
  return out;
}

// Matches become words of their own, or (`join_previous`) the ends of the words before them.
TextStep split_step(const std::string &expression, bool join_previous) {
  const auto pattern = std::make_shared<const SplitPattern>(expression);
  return [pattern, join_previous](const Texts &texts) {
    Texts words;
    for (const std::string &text : texts) {
      size_t done = 0;
      const auto add = [&](size_t end) {
        if (end > done)
          words.push_back(text.substr(done, end - done));
        done = end;
      };
      for (const auto &[begin, end] : pattern->find_all(text)) {
        if (!join_previous)
          add(begin);
        add(end);
      }
      add(text.size());
    }
    return words;
  };
}

void byte_level_steps(const json &step, std::vector<TextStep> &steps) {
  if (step.value("add_prefix_space", true))
    steps.push_back(for_each([](const std::string &text) {
      return text.empty() || text[0] == ' ' ? text : " " + text;
    }));
  if (step.value("use_regex", true))
    steps.push_back(split_step(kByteLevelPattern, false));
  steps.push_back(for_each([](const std::string &text) { return bytes_to_characters(text); }));
}

TextStep pattern_step(const json &step, const std::string &path) {
  const json &pattern = step.at("pattern");
  const std::string behavior = step.at("behavior");
  if (step.value("invert", false) || (behavior != "Isolated" && behavior != "MergedWithPrevious"))
    unsupported(path, "pre_tokenizer", step);
  try {
    return split_step(pattern.contains("Regex") ? pattern["Regex"].get<std::string>()
                                                : quoted(pattern.at("String")),
                      behavior == "MergedWithPrevious");
  } catch (const Error &error) {
    fail(error.category(), path, ": ", error.what());
  }
}

// A run of byte pieces becomes text; when it is not valid UTF-8 every byte becomes U+FFFD.
Texts join_bytes(const Texts &pieces) {
  Texts out;
  std::string bytes;
  const auto flush = [&] {
    if (utf8_valid(bytes))
      out.push_back(bytes);
    else
      out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
    bytes.clear();
  };
  for (const std::string &piece : pieces) {
    if (const auto byte = byte_of_piece(piece)) {
      bytes += static_cast<char>(*byte);
      continue;
    }
    flush();
    out.push_back(piece);
  }
  flush();
  return out;
}

Texts fuse(const Texts &pieces) {
  std::string text;
  for (const std::string &piece : pieces)
    text += piece;
  return {text};
}

TextStep strip_step(const json &step, const std::string &path) {
  const std::string content = step.at("content");
  const size_t start = step.at("start"), stop = step.at("stop");
  if (content.empty())
    unsupported(path, "decoder", step);
  return for_each([=](std::string text) {
    for (size_t i = 0; i < start && text.compare(0, content.size(), content) == 0; ++i)
      text.erase(0, content.size());
    for (size_t i = 0; i < stop && text.size() >= content.size() &&
                       text.compare(text.size() - content.size(), content.size(), content) == 0;
         ++i)
      text.resize(text.size() - content.size());
    return text;
  });
}

TextStep decoder_step(const json &step, const std::string &path) {
  const std::string type = step.at("type");
  if (type == "Replace")
    return replace_step(step, path);
  if (type == "ByteFallback")
    return join_bytes;
  if (type == "Fuse")
    return fuse;
  if (type == "Strip")
    return strip_step(step, path);
  if (type == "ByteLevel")
    return [](const Texts &pieces) {
      std::string bytes;
      for (const std::string &piece : pieces)
        bytes += characters_to_bytes(piece);
      return Texts{utf8_lossy(bytes)};
    };
  unsupported(path, "decoder", step);
}

// Without a decoder the pieces stand apart.
Texts space_out(const Texts &pieces) {
  Texts out;
  for (const std::string &piece : pieces)
    out.push_back(out.empty() ? piece : " " + piece);
  return out;
}

} // namespace

std::vector<TextStep> normalizer_steps(const json &part, const std::string &path) {
  std::vector<TextStep> steps;
  for (const json &step : members(part, "normalizers"))
    steps.push_back(normalizer_step(step, path));
  return steps;
}

std::vector<TextStep> pre_tokenizer_steps(const json &part, const std::string &path) {
  std::vector<TextStep> steps;
  for (const json &step : members(part, "pretokenizers")) {
    const std::string type = step.at("type");
    if (type == "Split")
      steps.push_back(pattern_step(step, path));
    else if (type == "ByteLevel")
      byte_level_steps(step, steps);
    else
      unsupported(path, "pre_tokenizer", step);
  }
  return steps;
}

std::vector<TextStep> decoder_steps(const json &part, const std::string &path) {
  if (part.is_null())
    return {space_out};
  std::vector<TextStep> steps;
  for (const json &step : members(part, "decoders"))
    steps.push_back(decoder_step(step, path));
  return steps;
}

std::vector<std::string> run(const std::vector<TextStep> &steps, std::vector<std::string> texts) {
  for (const TextStep &step : steps)
    texts = step(std::move(texts));
  return texts;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos)
      break;
    out += to;
    at = found + from.size();
  }
  return out;
}

std::string clean_up_spaces(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> rules[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto &[from, to] : rules)
    text = replace_all(text, from, to);
  return text;
}

} // namespace vlm
