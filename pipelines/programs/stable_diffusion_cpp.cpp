// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/stable_diffusion_cpp.h"

#include "model/core/error.h"
#include "pipelines/programs/child_program.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace vlm {
namespace {

namespace fs = std::filesystem;

constexpr const char *kSdCli = "sd-cli";

// GGML_LLAMAFILE: faster matrix products, which llama.cpp has by default and this one has not.
const PeerSource kSdSource = {
    "stable-diffusion.cpp",
    "stable-diffusion-cpp-python",
    "0.4.7",
    "998d1957260dd5ae4e18a8acc0c14b0a8757aaa9f96515197b6d5bbf46df9282",
    {"-DGGML_LLAMAFILE=ON", "-DSD_WEBP=OFF", "-DSD_WEBM=OFF", "-DSD_SERVER_BUILD_FRONTEND=OFF"},
    {kSdCli}};

/// Of "[INFO ] ... - sampling completed, taking 12.34s".
double sd_seconds(const char *work, const std::string &printed) {
  const std::string line = std::string(work) + " completed, taking ";
  const size_t begin = printed.find(line);
  const double seconds =
      begin == std::string::npos ? 0 : std::strtod(&printed[begin + line.size()], nullptr);
  if (!(seconds > 0))
    fail(ErrorCategory::Format, kSdCli, " told nothing of ", work);
  return seconds;
}

} // namespace

std::string StableDiffusionCpp::version() { return kSdSource.version(); }

StableDiffusionCpp::StableDiffusionCpp(const fs::path &cache)
    : build_(kSdSource, cache), picture_(cache / "picture.png") {}

SdSeconds StableDiffusionCpp::paint(const fs::path &painter, const std::string &precision,
                                    const PaintRequest &request, int threads) const {
  // The directory alone is read, too, but without the second text encoder, and with a VAE that is
  // thought to need scaling.
  const double guidance = std::max(request.guidance, 1.0); // below, it guides and we do not
  const std::vector<std::pair<std::string, std::string>> options = {
      {"--model", painter},
      {"--clip_g", painter / "text_encoder_2/model.safetensors"},
      {"--vae", painter / "vae/diffusion_pytorch_model.safetensors"},
      {"--type", precision == "float32" ? "f32" : "bf16"},
      {"--threads", std::to_string(threads)},
      {"--prompt", "a red bird on a green table"},
      {"--negative-prompt", "blurry"},
      {"--width", std::to_string(request.width)},
      {"--height", std::to_string(request.height)},
      {"--steps", std::to_string(request.steps)},
      {"--cfg-scale", std::to_string(guidance)},
      {"--sampling-method", "euler"},
      {"--scheduler", "discrete"},
      {"--output", picture_}};
  std::vector<std::string> command = {build_.program(kSdCli)};
  for (const auto &[option, value] : options)
    command.insert(command.end(), {option, value});
  const std::string printed = output_of(command);
  fs::remove(picture_);
  return read_sd_cli(printed);
}

SdSeconds read_sd_cli(const std::string &printed) {
  return {sd_seconds("get_learned_condition", printed), sd_seconds("sampling", printed),
          sd_seconds("decode_first_stage", printed)};
}

} // namespace vlm
