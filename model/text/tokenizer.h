// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// Stands for a picture among token ids; never an id of a vocabulary (mgm-spec 4.1).
constexpr int64_t kImageToken = -200;

/// Text to ids and back, as Hugging Face's tokenizer of the same files does it. Immutable: any
/// thread may call it.
class Tokenizer {
public:
  virtual ~Tokenizer() = default;

  /// The files in a checkpoint directory decide what is built: `tokenizer_config.json` names the
  /// class; `tokenizer.json` is used where the reference uses the fast class (mgm-spec 4.5), else
  /// `tokenizer.model`. Error(NotFound | Format | Unsupported) naming the file.
  static std::unique_ptr<Tokenizer> load(const std::string &directory);

  /// Ids with the special tokens that the tokenizer adds by itself. `text` must be valid UTF-8
  /// (Error(Data) otherwise).
  virtual std::vector<int64_t> encode(std::string_view text) const = 0;

  /// Text of `ids`; special tokens are skipped or kept. Error(Data) for an id out of range.
  virtual std::string decode(const std::vector<int64_t> &ids, bool skip_special) const = 0;

  /// The bytes that a token adds to the middle of a text: its characters, or a part of one. None
  /// for special tokens, which add nothing.
  virtual std::optional<std::string> bytes(int64_t id) const = 0;

  /// What steers a model and is no text ("</s>", "<|eot_id|>"): encode() takes it for such wherever
  /// it stands.
  virtual std::vector<std::string> special_tokens() const = 0;

  virtual int64_t vocab_size() const = 0;
  virtual std::optional<int64_t> bos_id() const = 0;
  virtual std::optional<int64_t> eos_id() const = 0;
  /// The id of one piece ("<|eot_id|>"), if the vocabulary has it.
  virtual std::optional<int64_t> piece_id(std::string_view piece) const = 0;
};

/// Ids of a rendered prompt: text between the `<image>` placeholders is tokenised piece by piece,
/// one kImageToken in each gap, one BOS at the start (mgm-spec 4.4).
std::vector<int64_t> tokenize_prompt(const Tokenizer &tokenizer, std::string_view prompt);

} // namespace vlm
