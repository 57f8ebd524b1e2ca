// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/training/painter/sizes.h"
#include "model/training/painter/source.h"

#include <string>
#include <vector>

namespace vlm {

/// How pictures become cached latents.
struct CacheOptions {
  std::string directory;    ///< of the shards
  int64_t scenes = 0;       ///< at least so many, in whole shards
  int64_t vae_pictures = 0; ///< that the VAE has learnt from: its latents are of no use to another
  int workers = 2, loader_threads = 1;
};

/// Latents in float16 with their prompts, in shards of some hundred scenes that were encoded once.
/// Immutable once made: share it between threads.
class LatentCache {
public:
  static constexpr int64_t kShard = 256;

  /// Reads the shards that exist and makes those that do not, with a progress bar. `vae` holds
  /// "vae". Error(Settings) naming a shard that another VAE made, Error(Cancelled) between shards.
  LatentCache(const CacheOptions &options, const PaintingSource &source, const ParameterStore &vae,
              const PainterSizes &sizes, const CancelToken &stop);

  int64_t size() const { return static_cast<int64_t>(prompts_.size()); }
  /// The mean of a scene's latents, float32 [1, 4, s, s], not scaled.
  at::Tensor latents(int64_t scene) const;
  const std::string &prompt(int64_t scene) const { return prompts_[static_cast<size_t>(scene)]; }
  /// 1 / deviation of the first shard's latents: diffusers' scaling_factor.
  double scaling_factor() const;

private:
  void read(const std::string &path, int64_t vae_pictures);

  std::vector<at::Tensor> shards_; // float16 [kShard, 4, s, s]
  std::vector<std::string> prompts_;
};

} // namespace vlm
