// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/training/painter/source.h"
#include "model/training/parameter_store.h"

#include <string>

namespace vlm {

/// How a painter's stage is run: what is asked for on the command line.
struct PainterRun {
  int64_t pictures = 0; ///< of the whole stage, earlier sittings included
  int64_t cooldown = 0; ///< the last so many, at a falling rate
  int64_t batch = 32;
  double rate = 1e-3;    ///< peak learning rate
  std::string directory; ///< states, cached latents, tokenizers, log and plot
  std::string eyes; ///< VAE, decoder: checkpoint whose ConvNeXt compares pictures; empty: none does
  std::string start; ///< VAE, UNet: painter (diffusers layout) to begin with; empty: drawn values
  int64_t scenes = 65536; ///< UNet: whose latents are cached
  int workers = 2;
  int loader_threads = 1;
  double save_seconds = 180;
  int64_t validate_pictures = 6400; ///< between two validations
};

/// Trains a stage from its start or from where it was left, until it is done or `stop` is
/// cancelled; both leave a state. A finished stage goes on when asked for more pictures: from the
/// state before its rate began to fall. Returns whether the stage is done. Error(Cancelled) when
/// stopped while latents are encoded, which goes on from there, too.
bool run_painter_vae(const PainterRun &run, const PaintingSource &source, const CancelToken &stop);
/// The same of the decoder alone, which begins as that of the VAE in the same directory. Latents
/// stay what they are, and so does whatever learnt on them.
bool run_painter_decoder(const PainterRun &run, const PaintingSource &source,
                         const CancelToken &stop);
/// The same of UNet and text encoders, on latents of the VAE in the same directory. Its first
/// sitting decides on `scenes`.
bool run_painter_unet(const PainterRun &run, const PaintingSource &source, const CancelToken &stop);

/// Where a stage's state lies.
inline std::string painter_state(const std::string &directory, const std::string &stage) {
  return directory + "/" + stage + ".safetensors";
}

/// Averaged weights of the VAE in a directory, into initial_vae()'s; of the decoder that learnt on
/// where there is one. Error(NotFound | Settings) without a VAE or when the two do not belong
/// together.
void load_autoencoder(ParameterStore &vae, const std::string &directory);

} // namespace vlm
