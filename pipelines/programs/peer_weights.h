// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/model_config.h"
#include "pipelines/programs/gguf_file.h"
#include "pipelines/programs/llama_cpp.h"

#include <filesystem>
#include <string>
#include <vector>

namespace vlm {

/// A decoder of that shape as llama.cpp has it, with random weights and no vocabulary.
/// Error(Settings) for a mixture of experts.
GgufFile peer_model(const ModelConfig &config);

/// Files of one shape's weights, made once in `folder`, one for each type.
class PeerWeights {
public:
  PeerWeights(const ModelConfig &config, std::filesystem::path folder);

  /// Makes what is missing of `types`. "BF16" alone is written, all others are made of it; it goes
  /// again where it is not wanted itself. Error(Failed) when the disk has no room.
  void make(const LlamaCpp &peer, const std::vector<std::string> &types, int threads) const;
  std::filesystem::path file(const std::string &type) const;

private:
  std::filesystem::path folder_;
  std::string shape_; ///< names what files are of
  GgufFile source_;
};

} // namespace vlm
