// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/vision/image.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace vlm {

/// Which SDXL model, and how it is held.
struct PainterOptions {
  std::string path;               ///< directory in diffusers layout; empty: the embedded painter
  std::string device = "cpu";     ///< only that so far
  std::string precision = "auto"; ///< auto, float32, bfloat16: of the matrices; the VAE has float32
  int threads = 0;                ///< up to 1024; 0: all that the process may use
};

struct PainterInfo {
  std::string name; ///< of the directory
  std::string precision;
  int default_size = 0;      ///< side of the square that the model was made for, in pixels
  uint64_t weight_bytes = 0; ///< with text encoders
};

/// Directory of the painter that is taken when none is named: what the environment variable
/// GST_VLM_PAINTER says, else the one beside the build tree's or the installed library.
/// Error(Settings) when there is none.
std::string embedded_painter_path();

/// What the reference paints with (mgm-spec 5.3).
inline constexpr const char *kDefaultNegativePrompt =
    "out of frame, lowres, text, error, cropped, worst quality, low quality, jpeg artifacts, ugly, "
    "duplicate, morbid, mutilated, out of frame, extra fingers, mutated hands, poorly drawn hands, "
    "poorly drawn face, mutation, deformed, blurry, dehydrated, bad anatomy, bad proportions, "
    "extra limbs, cloned face, disfigured, gross proportions, malformed limbs, missing arms, "
    "missing legs, extra arms, extra legs, fused fingers, too many fingers, long neck, username, "
    "watermark, signature";

struct PaintRequest {
  std::string prompt; ///< valid UTF-8, not empty; what exceeds 75 tokens is cut
  std::string negative_prompt = kDefaultNegativePrompt; ///< likewise, but may be empty
  int width = 0, height = 0; ///< pixels, multiples of 8; 0: PainterInfo::default_size
  int64_t steps = 50;
  double guidance = 5;      ///< 0 to 1000; up to 1 the negative prompt has no part in it
  uint64_t seed = 0;        ///< of the initial noise: the same picture on the same machine
  int threads = 0;          ///< up to 1024; 0: as many as the painter was opened with
  bool keep_loaded = true;  ///< false: the text encoders are freed once the prompt is encoded, and
                            ///< read again for the next one
  std::string latents_path; ///< safetensors with `latents` [1, 4, height / 8, width / 8] instead
  std::string dump_path;    ///< when set, receives the run's tensors by the reference's names
};

/// How far a picture is, told after each step on the thread that paints.
struct PaintStep {
  int64_t step, steps; ///< `step` of `steps` are done
  /// The picture as it would be with all noise gone that is still expected; takes a decoding. Valid
  /// during the call only.
  std::function<Image()> preview;
};

struct Painting {
  Image image;
  int64_t cut = 0, negative_cut = 0; ///< tokens of the prompts that there was no room for
  uint64_t needed_bytes = 0; ///< of memory beside the weights, at most, as was reckoned before
  double encode_seconds = 0, denoise_seconds = 0, decode_seconds = 0;
};

/// An SDXL model in memory. Its members may be called from any thread, one at a time; all work is
/// done on the calling thread and its helpers.
class Painter {
public:
  /// Reads, checks and loads the model (a minute for a large one); `progress` gets 0..1. Errors
  /// name the file and tensor, option or value. Error(Memory) with both figures before anything is
  /// allocated when it cannot fit.
  static std::unique_ptr<Painter> open(const PainterOptions &options,
                                       const std::function<void(double)> &progress = {},
                                       const CancelToken &cancel = {});
  virtual ~Painter() = default;
  virtual const PainterInfo &info() const = 0;

  /// What can be said without loading: errors as open() and paint() have them, with Error(Memory)
  /// for model and picture together. An empty prompt is one that is not known yet.
  static void check(const PainterOptions &options, const PaintRequest &request);

  /// Names the real path and the precision that `auto` means here and now. Reads headers and
  /// configurations; errors as open(), but for memory.
  static PainterOptions resolve(const PainterOptions &options);

  /// Paints one picture. `progress` (may be empty) is called after each step. Error(Settings) for a
  /// size, number of steps or guidance that is out of range, Error(Data) for an unusable prompt,
  /// Error(Memory) with both figures, Error(Cancelled) between blocks of the UNet and the VAE.
  virtual Painting paint(const PaintRequest &request, const CancelToken &cancel = {},
                         const std::function<void(const PaintStep &)> &progress = {}) = 0;
};

} // namespace vlm
