// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/painter.h"

namespace vlm {

/// The autoencoder of an SDXL directory alone, in float32. What comes back from its latents is the
/// best that whatever paints latents can do. Any thread; all work is done on the calling thread and
/// its helpers.
class Autoencoder {
public:
  /// Errors as Painter::open(), but for memory.
  static std::unique_ptr<Autoencoder> open(const PainterOptions &options);
  virtual ~Autoencoder() = default;

  /// The picture, encoded (to the mean of its distribution) and decoded. Error(Settings) where a
  /// side is no multiple of 8.
  virtual Image reconstruct(const Image &picture) const = 0;
};

} // namespace vlm
