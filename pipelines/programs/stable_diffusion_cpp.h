// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/painter.h"
#include "pipelines/programs/peer_build.h"

#include <filesystem>
#include <string>

namespace vlm {

/// Seconds that the parts of a picture took.
struct SdSeconds {
  double encode = 0, denoise = 0, decode = 0;
};

/// stable-diffusion.cpp, compiled for this very machine.
class StableDiffusionCpp {
public:
  /// "stable-diffusion-cpp-python 0.4.7": the source distribution that it comes from.
  static std::string version();

  /// As PeerBuild does.
  explicit StableDiffusionCpp(const std::filesystem::path &cache);

  /// Paints one picture with an SDXL directory in diffusers layout, which it reads as it is:
  /// matrices in `precision` (ours), convolutions, also the VAE's, in half precision, as it always
  /// has them. Its prompts are words that fit into one of its contexts each, whatever `request`
  /// has: with the same size, steps and guidance the work is the same.
  SdSeconds paint(const std::filesystem::path &painter, const std::string &precision,
                  const PaintRequest &request, int threads) const;

private:
  PeerBuild build_;
  std::filesystem::path picture_; ///< where it has to leave one
};

/// What `sd-cli` logged of a picture. Error(Format) for anything else.
SdSeconds read_sd_cli(const std::string &printed);

} // namespace vlm
