// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/autoencoder.h"

#include "model/core/error.h"
#include "model/generation/latents.h"
#include "model/generation/sdxl_weights.h"
#include "model/generation/vae_encoder.h"
#include "model/weights/own_errors.h"

#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

namespace vlm {
namespace {

class SdxlAutoencoder : public Autoencoder {
public:
  explicit SdxlAutoencoder(const SdxlFiles &files)
      : scaling_factor_(files.vae_config().scaling_factor),
        encoder_(Scope(files.vae(), at::kFloat), files.vae_config()),
        decoder_(Scope(files.vae(), at::kFloat), files.vae_config()) {}

  Image reconstruct(const Image &picture) const override {
    if (picture.width % kPixelsPerLatent != 0 || picture.height % kPixelsPerLatent != 0)
      fail(ErrorCategory::Settings, "a picture of ", picture.width, "x", picture.height,
           " has no latents: its sides must be multiples of ", kPixelsPerLatent);
    return with_own_errors([&] {
      const c10::InferenceMode no_gradients;
      const at::Tensor latents = encoder_(from_image(picture)).mean * scaling_factor_;
      return to_image(decoder_.picture(latents));
    });
  }

private:
  double scaling_factor_;
  VaeEncoder encoder_;
  VaeDecoder decoder_;
};

} // namespace

std::unique_ptr<Autoencoder> Autoencoder::open(const PainterOptions &options) {
  return with_own_errors([&] {
    const c10::InferenceMode no_gradients;
    return std::make_unique<SdxlAutoencoder>(SdxlFiles(options));
  });
}

} // namespace vlm
