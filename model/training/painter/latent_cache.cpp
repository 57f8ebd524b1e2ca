// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/latent_cache.h"

#include "model/core/error.h"
#include "model/core/progress_bar.h"
#include "model/generation/vae_encoder.h"
#include "model/training/checkpoint.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using Pictures = std::vector<std::shared_ptr<const PromptedPicture>>;

std::string shard_path(const std::string &directory, int64_t index) {
  char name[32];
  std::snprintf(name, sizeof name, "/latents-%05d.safetensors", static_cast<int>(index));
  return directory + name;
}

at::Tensor encode(const VaeEncoder &encoder, const Pictures &pictures, WorkerPool &pool) {
  const size_t slices = (pictures.size() + kPictureSlice - 1) / kPictureSlice;
  std::vector<at::Tensor> out(slices);
  pool.run([&](int worker) {
    const at::NoGradGuard no_grad;
    for (size_t i = static_cast<size_t>(worker); i < slices;
         i += static_cast<size_t>(pool.size())) {
      std::vector<at::Tensor> slice;
      for (size_t k = i * kPictureSlice; k < std::min(pictures.size(), (i + 1) * kPictureSlice);
           ++k)
        slice.push_back(pictures[k]->picture);
      out[i] = encoder(at::cat(slice, 0)).mean.to(at::kHalf);
    }
  });
  return at::cat(out, 0);
}

// One line a prompt.
at::Tensor as_bytes(const std::string &text) {
  at::Tensor out = at::empty({static_cast<int64_t>(text.size())}, at::kByte);
  std::copy(text.begin(), text.end(), out.data_ptr<uint8_t>());
  return out;
}

} // namespace

LatentCache::LatentCache(const CacheOptions &options, const PaintingSource &source,
                         const ParameterStore &vae, const PainterSizes &sizes,
                         const CancelToken &stop) {
  fs::create_directories(options.directory);
  const int64_t shards = (options.scenes + kShard - 1) / kShard;
  int64_t ready = 0;
  while (ready < shards && fs::exists(shard_path(options.directory, ready)))
    read(shard_path(options.directory, ready++), options.vae_pictures);
  if (ready == shards)
    return;
  const VaeEncoder encoder(Scope(vae, at::kFloat).sub("vae"), sizes.vae);
  WorkerPool pool(options.workers);
  OrderedLoader<PromptedPicture> loader([&] { return prompted_pictures(source); },
                                        static_cast<uint64_t>(ready * kShard),
                                        options.loader_threads, 64);
  ProgressBar bar("encoding", "pictures", shards * kShard, ready * kShard);
  const size_t step = kPictureSlice * static_cast<size_t>(options.workers);
  for (; ready < shards; ++ready) {
    std::vector<at::Tensor> latents;
    std::string prompts;
    for (size_t done = 0; done < kShard; done += std::min<size_t>(step, kShard - done)) {
      stop.check();
      const Pictures pictures = loader.next(std::min<size_t>(step, kShard - done));
      latents.push_back(encode(encoder, pictures, pool));
      for (const auto &picture : pictures)
        prompts += picture->prompt + '\n';
      bar.update(ready * kShard + static_cast<int64_t>(done + pictures.size()));
    }
    const nlohmann::json state = {{"format", 1}, {"vae_pictures", options.vae_pictures}};
    const std::string path = shard_path(options.directory, ready);
    write_safetensors(path, {{"latents", at::cat(latents, 0)}, {"prompts", as_bytes(prompts)}},
                      {{"training", state.dump()}});
    read(path, options.vae_pictures);
  }
}

void LatentCache::read(const std::string &path, int64_t vae_pictures) {
  const SafetensorsFile file(path);
  if (const int64_t made_by = read_state(file).value("vae_pictures", int64_t{-1});
      made_by != vae_pictures)
    fail(ErrorCategory::Settings, path, ": made by a VAE that had seen ", made_by,
         " pictures, not ", vae_pictures, ": take the folder away");
  shards_.push_back(file.load("latents", at::kHalf));
  const at::Tensor bytes = file.load("prompts", at::kByte);
  const auto *data = bytes.data_ptr<uint8_t>();
  std::string line;
  for (int64_t i = 0; i < bytes.numel(); ++i)
    if (data[i] == '\n') {
      prompts_.push_back(line);
      line.clear();
    } else {
      line += static_cast<char>(data[i]);
    }
  if (size() != static_cast<int64_t>(shards_.size()) * kShard || shards_.back().size(0) != kShard)
    fail(ErrorCategory::Format, path, ": does not hold ", kShard, " scenes");
}

at::Tensor LatentCache::latents(int64_t scene) const {
  return shards_[static_cast<size_t>(scene / kShard)].narrow(0, scene % kShard, 1).to(at::kFloat);
}

double LatentCache::scaling_factor() const {
  return 1 / shards_.front().to(at::kFloat).std().item<double>();
}

} // namespace vlm
