// SPDX-License-Identifier: LGPL-2.1-or-later
// The painter's trainer: gradients, resuming, what it writes for vlm-paint.
#include "model/core/error.h"
#include "model/generation/clip_text.h"
#include "model/generation/painter.h"
#include "model/generation/unet.h"
#include "model/generation/vae_decoder.h"
#include "model/generation/vae_encoder.h"
#include "model/text/clip_tokenizer.h"
#include "model/training/painter/latent_cache.h"
#include "model/training/painter/painter_folder.h"
#include "model/training/painter/painter_run.h"
#include "model/training/painter/painter_trainer.h"
#include "model/training/painter/vocabulary.h"
#include "tests/model/training/scenes/small_assets.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

namespace vlm::test {
namespace {

/// As small as the structure allows: latents of 4x4.
PainterSizes small_sizes() {
  PainterSizes sizes;
  sizes.image_size = 32;
  sizes.vae.block_out_channels = {8, 8, 16, 16};
  sizes.vae.norm_num_groups = 4;
  sizes.unet.levels = {{16, 1, 0}, {32, 2, 1}};
  sizes.unet.norm_num_groups = 8;
  sizes.unet.cross_attention_dim = 32;
  sizes.unet.projection_class_embeddings_input_dim = 6 * 32 + 8;
  sizes.unet.sample_size = sizes.latent_size();
  sizes.text = {16, 2, 1, sizes.vocab, 0, true};
  sizes.text_2 = {16, 2, 1, sizes.vocab, 8, false};
  return sizes;
}

enum class Part { Vae, UNet, Decoder };

std::shared_ptr<const PainterSample> noise_sample(Part part, uint64_t index) {
  scenes::Random random(5, index);
  PainterSample sample;
  sample.input = part == Part::UNet ? drawn_noise({1, 4, 4, 4}, random)
                                    : drawn_noise({1, 3, 32, 32}, random).clamp(-1, 1);
  sample.noise = drawn_noise({1, 4, 4, 4}, random);
  sample.timestep = random.below(1000);
  for (std::vector<int64_t> &ids : sample.ids) {
    ids = {600, random.below(500), random.below(500)};
    ids.resize(static_cast<size_t>(ClipTokenizer::kLength), 601); // the end, where the pooled is
  }
  return std::make_shared<const PainterSample>(std::move(sample));
}

PainterTrainer::Samples painter_samples(Part part, uint64_t from, uint64_t count) {
  PainterTrainer::Samples out;
  for (uint64_t i = from; i < from + count; ++i)
    out.push_back(noise_sample(part, i));
  return out;
}

/// Of one part alone; the UNet's comes with its text encoders.
PainterTrainer trainer(Part part, uint64_t seed = 3) {
  const PainterSizes sizes = small_sizes();
  if (part == Part::UNet)
    return PainterTrainer(
        initial_unet(sizes, seed),
        [sizes](const Scope &scope, const PainterBatch &batch) {
          return unet_loss(scope, sizes, batch);
        },
        2);
  const ParameterStore vae = initial_vae(sizes, seed);
  if (part == Part::Vae)
    return PainterTrainer(
        vae,
        [sizes](const Scope &scope, const PainterBatch &batch) {
          return vae_loss(scope, sizes, nullptr, batch);
        },
        2);
  const auto encoder = std::make_shared<const VaeEncoder>(
      Scope(initial_vae(sizes, 3), at::kFloat).sub("vae"), sizes.vae); // whatever the decoder's
  return PainterTrainer(
      decoder_part(vae),
      [sizes, encoder](const Scope &scope, const PainterBatch &batch) {
        return decoder_loss(scope, sizes, *encoder, nullptr, batch);
      },
      2);
}

PainterPlan plan() {
  PainterPlan out;
  out.batch = 4;
  out.schedule = {0, 1000, 0};
  out.more = {{"scaling_factor", .5}};
  return out;
}

class PainterStages : public ::testing::TestWithParam<Part> {};

TEST_P(PainterStages, ResumeIsExact) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "state.safetensors";
  PainterTrainer whole = trainer(GetParam()), first = trainer(GetParam());
  whole.begin(plan());
  first.begin(plan());
  for (uint64_t i = 0; i < 4; ++i) {
    whole.step(painter_samples(GetParam(), 4 * i, 4));
    if (i < 2)
      first.step(painter_samples(GetParam(), 4 * i, 4));
  }
  first.save(path);
  PainterTrainer second = trainer(GetParam(), 99); // other values, all replaced
  second.load(path);
  EXPECT_EQ(second.pictures(), 8);
  for (uint64_t i = 2; i < 4; ++i)
    second.step(painter_samples(GetParam(), 4 * i, 4));
  for (const auto &[name, value] : whole.parameters().tensors()) {
    EXPECT_TRUE(at::equal(value, second.parameters().at(name))) << name;
    EXPECT_TRUE(at::equal(whole.average().at(name), second.average().at(name))) << name;
  }
  for (const auto &[name, value] : whole.optimizer().state())
    EXPECT_TRUE(at::equal(value, second.optimizer().state().at(name))) << name;
  ParameterStore average = second.average();
  EXPECT_EQ(load_average(average, path).more.at("scaling_factor"), .5);
  const Part other = GetParam() == Part::UNet ? Part::Vae : Part::UNet;
  EXPECT_THROW(trainer(other).load(path), Error);
}

TEST_P(PainterStages, LearnsABatchByHeart) {
  PainterTrainer learner = trainer(GetParam());
  learner.begin(plan());
  const auto samples = painter_samples(GetParam(), 0, 4);
  const double before = learner.measure_now(samples).loss("loss");
  for (int i = 0; i < 90; ++i)
    learner.step(samples);
  EXPECT_LT(learner.measure_now(samples).loss("loss"), .8 * before);
  EXPECT_LT(learner.measure(samples).loss("loss"), before); // the average follows
}

const std::map<Part, std::vector<const char *>> kParts = {
    {Part::Vae,
     {"vae.encoder.conv_in", "vae.encoder.down_blocks", "vae.encoder.mid_block", "vae.quant_conv",
      "vae.post_quant_conv", "vae.decoder.mid_block", "vae.decoder.up_blocks",
      "vae.decoder.conv_"}},
    {Part::UNet,
     {"unet.conv_in", "unet.time_embedding", "unet.add_embedding", "unet.down_blocks",
      "unet.mid_block", "unet.up_blocks", "text_encoder.", "text_encoder_2.text_model.embeddings",
      "text_encoder_2.text_model.encoder", "text_encoder_2.text_projection"}},
    {Part::Decoder,
     {"vae.post_quant_conv", "vae.decoder.mid_block", "vae.decoder.up_blocks",
      "vae.decoder.conv_"}}};

// The slope of the loss along the gradient, one part of the model at a time.
TEST_P(PainterStages, GradientsAgreeWithFiniteDifferences) {
  PainterTrainer learner = trainer(GetParam());
  const auto samples = painter_samples(GetParam(), 0, 4);
  learner.differentiate(samples);
  const auto gradients = learner.gradients();
  for (const char *part : kParts.at(GetParam())) {
    double norm = 0;
    std::vector<std::pair<at::Tensor, at::Tensor>> moves; // parameter, direction
    for (const auto &[name, gradient] : gradients)
      if (name.rfind(part, 0) == 0) {
        moves.emplace_back(learner.parameters().at(name).variable_data(), gradient);
        norm += squared_norm(gradient);
      }
    ASSERT_GT(norm, 0) << part;
    norm = std::sqrt(norm);
    const double step = std::min(4e-3, 4e-3 / norm);
    const auto go = [&](double length) {
      for (auto &[value, direction] : moves)
        value.add_(direction, length / norm);
    };
    go(step);
    const double up = learner.measure_now(samples).loss("loss");
    go(-2 * step);
    const double down = learner.measure_now(samples).loss("loss");
    go(step);
    EXPECT_NEAR((up - down) / (2 * step) / norm, 1, .05) << part << ", gradient " << norm;
  }
}

std::string name_of(const ::testing::TestParamInfo<Part> &info) {
  return info.param == Part::Vae ? "Vae" : info.param == Part::UNet ? "UNet" : "Decoder";
}

INSTANTIATE_TEST_SUITE_P(All, PainterStages,
                         ::testing::Values(Part::Vae, Part::UNet, Part::Decoder), name_of);

void write_part(const ParameterStore &values, const char *stage, const nlohmann::json &more,
                const std::string &directory) {
  PainterTrainer writer(values, nullptr, 1);
  PainterPlan of = plan();
  of.more = more;
  writer.begin(of);
  writer.save(painter_state(directory, stage));
}

// The decoder that learnt on takes the place of the VAE's, if it is of that VAE.
TEST(PainterRun, TheDecoderGoesWithItsEncoder) {
  const TemporaryFolder folder;
  const PainterSizes sizes;
  const ParameterStore vae = initial_vae(sizes, 1), later = initial_vae(sizes, 2);
  ParameterStore got = initial_vae(sizes, 3);
  EXPECT_THROW(load_autoencoder(got, folder.path()), Error);
  write_part(vae, "vae", {}, folder.path());
  load_autoencoder(got, folder.path());
  for (const auto &[name, value] : vae.tensors())
    EXPECT_TRUE(at::equal(got.at(name), value)) << name;
  const ParameterStore decoder = decoder_part(later);
  write_part(decoder, "decoder", {{"vae_pictures", 0}}, folder.path());
  load_autoencoder(got, folder.path());
  for (const auto &[name, value] : vae.tensors())
    EXPECT_TRUE(at::equal(got.at(name), decoder.contains(name) ? decoder.at(name) : value)) << name;
  write_part(decoder, "decoder", {{"vae_pictures", 7}}, folder.path());
  EXPECT_THROW(load_autoencoder(got, folder.path()), Error);
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

// The names that the modules read are those that there are values for.
TEST(PainterSizes, EveryParameterIsReadOnce) {
  const PainterSizes sizes;
  const ParameterStore vae = initial_vae(sizes, 1), unet = initial_unet(sizes, 1);
  std::vector<std::string> of_vae, of_unet;
  const Scope vae_scope(vae, at::kFloat, at::kCPU, &of_vae);
  const VaeEncoder encoder(vae_scope.sub("vae"), sizes.vae);
  const VaeDecoder decoder(vae_scope.sub("vae"), sizes.vae);
  EXPECT_EQ(sorted(of_vae), vae.names());
  const Scope scope(unet, at::kFloat, at::kCPU, &of_unet);
  const UNet network(scope.sub("unet"), sizes.unet);
  const ClipTextEncoder first(scope.sub("text_encoder"), sizes.text);
  const ClipTextEncoder second(scope.sub("text_encoder_2"), sizes.text_2);
  std::vector<std::string> expected;
  for (const std::string &name : unet.names()) // SDXL never runs the first encoder's last layer
    if (name.rfind("text_encoder.text_model.encoder.layers.2.", 0) != 0 &&
        name.rfind("text_encoder.text_model.final_layer_norm", 0) != 0)
      expected.push_back(name);
  EXPECT_EQ(sorted(of_unet), expected);
  EXPECT_LT(2 * (vae.size() + unet.size()), 30'000'000) << "bytes in half precision";
}

TEST(PainterExport, IsWhatVlmPaintReads) {
  const TemporaryFolder folder;
  const PainterSizes sizes;
  const std::string vocabulary = folder.path() / "states", directory = folder.path() / "model";
  const ParameterStore vae = initial_vae(sizes, 1), unet = initial_unet(sizes, 1);
  EXPECT_THROW(export_painter(vae, unet, sizes, .3, vocabulary, directory), Error);
  write_vocabulary(small_assets(), sizes.vocab, 1, vocabulary);
  export_painter(vae, unet, sizes, .3, vocabulary, directory);
  EXPECT_DOUBLE_EQ(read_vae_config(directory + "/vae/config.json").scaling_factor, .3);
  PainterOptions options;
  options.path = directory;
  const auto painter = Painter::open(options);
  EXPECT_EQ(painter->info().default_size, 128);
  PaintRequest request;
  request.prompt = "a red circle left of two dogs";
  request.steps = 2;
  request.width = request.height = 64;
  const Painting painting = painter->paint(request);
  EXPECT_EQ(painting.image.width, 64);
  EXPECT_EQ(painting.cut, 0);
}

TEST(PainterImport, TakesWhatWasExported) {
  const TemporaryFolder folder;
  const PainterSizes sizes;
  const std::string vocabulary = folder.path() / "states", directory = folder.path() / "model";
  const ParameterStore vae = initial_vae(sizes, 1), unet = initial_unet(sizes, 1);
  write_vocabulary(small_assets(), sizes.vocab, 1, vocabulary);
  export_painter(vae, unet, sizes, .3, vocabulary, directory);
  ParameterStore vae_got = initial_vae(sizes, 2), unet_got = initial_unet(sizes, 2);
  import_painter(vae_got, directory);
  import_painter(unet_got, directory);
  for (const auto &[name, value] : vae.tensors())
    EXPECT_TRUE(at::equal(vae_got.at(name), value.to(at::kHalf).to(at::kFloat))) << name;
  for (const auto &[name, value] : unet.tensors())
    EXPECT_TRUE(at::equal(unet_got.at(name), value.to(at::kHalf).to(at::kFloat))) << name;
  PainterSizes wider;
  wider.vae.block_out_channels.back() *= 2;
  ParameterStore other = initial_vae(wider, 2);
  EXPECT_THROW(import_painter(other, directory), Error);
  EXPECT_THROW(import_painter(other, folder.path() / "nowhere"), Error);
}

// The example that Sennrich et al. 2016 give: e s, es t</w> and l o, lo w begin.
TEST(Vocabulary, MergesTheMostFrequentPairs) {
  std::vector<std::string> words;
  const auto add = [&](const char *word, int count) { words.insert(words.end(), count, word); };
  add("low", 5);
  add("lower", 2);
  add("newest", 6);
  add("widest", 3);
  const auto merges = learn_merges(words, 4);
  using P = std::pair<std::string, std::string>;
  const std::vector<P> expected = {{"e", "s"}, {"es", "t</w>"}, {"l", "o"}, {"e", "w"}};
  EXPECT_EQ(merges, expected);
  EXPECT_LT(learn_merges(words, 1000).size(), 40u); // every word is one piece
}

TEST(Vocabulary, IsReadAsClips) {
  const TemporaryFolder folder;
  write_vocabulary(small_assets(), 1280, 1, folder.path());
  for (const char *name : {"tokenizer", "tokenizer_2"}) {
    const ClipTokenizer tokenizer(folder.path() / name);
    EXPECT_LE(tokenizer.vocab_size(), 1280);
    const auto ids = tokenizer.encode("A dog, apples above a purple hexagon").ids;
    const int64_t end = tokenizer.vocab_size() - 1;
    EXPECT_EQ(ids.front(), end - 1);
    EXPECT_EQ(std::find(ids.begin(), ids.end(), end) - ids.begin(), 9) << "words and a comma";
    EXPECT_EQ(ids.back(), std::string(name) == "tokenizer" ? end : 0);
    for (const int64_t id : tokenizer.encode("\xc3\xa9! 7 \xe2\x82\xac").ids)
      EXPECT_LE(id, end); // every byte has a piece
  }
}

TEST(LatentCache, IsMadeOnceForItsVae) {
  const TemporaryFolder folder;
  const PainterSizes sizes = small_sizes();
  const ParameterStore vae = initial_vae(sizes, 1);
  PaintingSource source;
  source.assets = std::shared_ptr<const scenes::Assets>(&small_assets(), [](const auto *) {});
  source.image_size = sizes.image_size;
  CacheOptions options;
  options.directory = folder.path() / "latents";
  options.scenes = 5;
  options.vae_pictures = 77;
  const LatentCache made(options, source, vae, sizes, {});
  ASSERT_EQ(made.size(), LatentCache::kShard);
  const auto sample = prompted_pictures(source)(200);
  EXPECT_EQ(made.prompt(200), sample->prompt);
  const at::Tensor latents =
      VaeEncoder(Scope(vae, at::kFloat).sub("vae"), sizes.vae)(sample->picture).mean;
  EXPECT_LT((made.latents(200) - latents).abs().max().item<double>(),
            2e-3 * latents.abs().max().item<double>());
  EXPECT_GT(made.scaling_factor(), 0);
  source.assets = nullptr; // nothing is made any more
  const LatentCache read(options, source, ParameterStore(), sizes, {});
  EXPECT_TRUE(at::equal(read.latents(3), made.latents(3)));
  options.vae_pictures = 78;
  EXPECT_THROW(LatentCache(options, source, vae, sizes, {}), Error);
}

} // namespace
} // namespace vlm::test
