// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pipelines/programs/peer_build.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace vlm {

/// Tokens per second.
struct LlamaSpeed {
  double prefill = 0, decode = 0;
};

/// llama.cpp, compiled for this very machine.
class LlamaCpp {
public:
  /// "llama-cpp-python 0.3.36": the source distribution that it comes from.
  static std::string version();

  /// As PeerBuild does.
  explicit LlamaCpp(const std::filesystem::path &cache);

  /// Makes `to` of `from` in one of its types, whole or not at all.
  void quantize(const std::filesystem::path &from, const std::filesystem::path &to,
                const std::string &type, int threads) const;

  /// Reads a prompt and writes tokens, each from an empty context and once, after a warm-up.
  LlamaSpeed measure(const std::filesystem::path &model, int64_t tokens_in, int64_t tokens_out,
                     int threads) const;

private:
  PeerBuild build_;
};

/// What `llama-bench -o json` printed of one prompt and one answer. Error(Format) for anything
/// else.
LlamaSpeed read_llama_bench(const std::string &printed);

} // namespace vlm
