// SPDX-License-Identifier: LGPL-2.1-or-later
// UNet, VAE and the whole way against diffusers; strips, sizes, cancelling.
#include "model/generation/painter.h"
#include "model/generation/sdxl_weights.h"

#include "tests/model/generation/sdxl_case.h"
#include "tests/model/weights/scratch.h"
#include "tests/support/sanitized.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <malloc.h>
#include <map>

namespace vlm {
namespace {

using nlohmann::json;

const test::SdxlCase &sdxl() {
  static const test::SdxlCase instance;
  return instance;
}

PainterOptions options(const std::string &precision = "float32") {
  PainterOptions out;
  out.path = sdxl().directory();
  out.precision = precision;
  return out;
}

const SdxlWeights &weights() {
  static const SdxlWeights instance = [] {
    const c10::InferenceMode no_gradients;
    return SdxlWeights(SdxlFiles(options()), {}, {});
  }();
  return instance;
}

PaintRequest request_of(size_t i) {
  const json &prompt = sdxl().prompts()[i];
  PaintRequest request;
  request.prompt = prompt.at("prompt");
  request.negative_prompt = prompt.at("negative");
  request.width = prompt.at("width");
  request.height = prompt.at("height");
  request.guidance = prompt.at("guidance");
  request.steps = prompt.at("steps");
  request.latents_path = test::data("sdxl/" + prompt.at("latents_file").get<std::string>());
  return request;
}

PaintRequest small_request() {
  PaintRequest request;
  request.prompt = "a red bird";
  request.width = request.height = 64;
  request.steps = 2;
  return request;
}

TEST(UNetParity, NoiseOfTheFirstStep) {
  const c10::InferenceMode no_gradients;
  for (size_t i = 0; i < sdxl().prompts().size(); ++i) {
    const json &prompt = sdxl().prompts()[i];
    const float height = prompt.at("height"), width = prompt.at("width");
    const UNet &unet = weights().unet();
    const auto condition = unet.condition(
        at::cat({sdxl()(i, "negative_prompt_embeds"), sdxl()(i, "prompt_embeds")}),
        at::cat({sdxl()(i, "negative_pooled_prompt_embeds"), sdxl()(i, "pooled_prompt_embeds")}),
        at::tensor({height, width, 0.f, 0.f, height, width}).expand({2, 6}));
    // The scaling of the first latents and that of the model's input undo each other.
    const at::Tensor input = sdxl()(i, "initial_latents").expand({2, -1, -1, -1});
    const at::Tensor timesteps = at::full({2}, sdxl()(i, "timesteps")[0].item<float>());
    const at::Tensor noise = unet(input, timesteps, condition);
    sdxl().expect(i, "noise_pred_0_uncond", noise.narrow(0, 0, 1));
    sdxl().expect(i, "noise_pred_0_text", noise.narrow(0, 1, 1));
  }
}

TEST(VaeParity, Picture) {
  const c10::InferenceMode no_gradients;
  for (size_t i = 0; i < sdxl().prompts().size(); ++i) {
    const at::Tensor latents = sdxl()(i, "latents");
    const at::Tensor decoded =
        weights().vae()(latents.narrow(0, latents.size(0) - 1, 1), {}).squeeze(0);
    sdxl().expect(i, "image", (decoded / 2 + 0.5).clamp(0, 1));
  }
}

TEST(Vae, StripsGiveTheSamePicture) {
  const c10::InferenceMode no_gradients;
  const at::Tensor latents = sdxl()(1, "latents").narrow(0, 5, 1);
  const at::Tensor whole = weights().vae()(latents, {});
  for (const int64_t values : {1, 3000, 10000, 100000})
    EXPECT_TRUE(test::near(weights().vae()(latents, Strips{values}), whole, 2e-5)) << values;
  EXPECT_EQ(VaeDecoder::strips_for(768 * 768).values, 0);
  EXPECT_GT(VaeDecoder::strips_for(768 * 776).values, 0);
}

TEST(PainterParity, EveryStepAndThePicture) {
  const auto painter = Painter::open(options());
  const test::Scratch scratch;
  for (size_t i = 0; i < sdxl().prompts().size(); ++i) {
    PaintRequest request = request_of(i);
    request.dump_path = scratch.path("dump.safetensors");
    std::vector<int64_t> steps;
    const Painting painting =
        painter->paint(request, {}, [&](const PaintStep &done) { steps.push_back(done.step); });
    EXPECT_EQ(steps, (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(painting.cut > 0, i == 1);
    const SafetensorsFile dump(request.dump_path);
    for (const char *name :
         {"prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds",
          "negative_pooled_prompt_embeds", "timesteps", "sigmas", "latents", "image"})
      sdxl().expect(i, name, dump.load(name));
    EXPECT_EQ(painting.image.width, request.width);
    EXPECT_EQ(painting.image.height, request.height);
    const at::Tensor image = sdxl()(i, "image");
    const uint8_t *got = painting.image.rgb.data();
    for (const auto &[y, x] : {std::pair(0, 0), {3, 17}, {request.height - 1, request.width - 1}})
      for (int c = 0; c < 3; ++c)
        EXPECT_NEAR(got[(y * request.width + x) * 3 + c], image[c][y][x].item<float>() * 255, 1);
  }
}

TEST(Painter, Bfloat16PaintsNearlyTheSame) {
  const auto exact = Painter::open(options()), rounded = Painter::open(options("bfloat16"));
  EXPECT_EQ(rounded->info().precision, "bfloat16");
  EXPECT_LT(rounded->info().weight_bytes, exact->info().weight_bytes * 7 / 10);
  const Image a = exact->paint(request_of(0)).image, b = rounded->paint(request_of(0)).image;
  double squares = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i)
    squares += std::pow(double(a.rgb[i]) - b.rgb[i], 2);
  EXPECT_LT(std::sqrt(squares / double(a.rgb.size())), 8);
  EXPECT_GT(squares, 0);
}

TEST(Painter, TheSeedDecides) {
  const auto painter = Painter::open(options());
  PaintRequest request = small_request();
  const Image first = painter->paint(request).image;
  EXPECT_EQ(painter->paint(request).image.rgb, first.rgb);
  request.keep_loaded = false;
  EXPECT_EQ(painter->paint(request).image.rgb, first.rgb);
  EXPECT_EQ(painter->paint(request).image.rgb, first.rgb) << "encoders are read again";
  request.threads = 1;
  EXPECT_EQ(painter->paint(request).image.width, first.width);
  request.seed = 1;
  EXPECT_NE(painter->paint(request).image.rgb, first.rgb);
}

TEST(Painter, SizesThatDoNotHalveEvenly) {
  const auto painter = Painter::open(options());
  PaintRequest request = small_request();
  for (const auto &[width, height] : {std::pair(8, 8), {72, 40}, {24, 104}}) {
    request.width = width;
    request.height = height;
    const Image image = painter->paint(request).image;
    EXPECT_EQ(image.width, width);
    EXPECT_EQ(image.rgb.size(), size_t(width) * height * 3);
  }
  request.width = request.height = 0;
  EXPECT_EQ(painter->paint(request).image.width, 128) << "what the model was made for";
}

TEST(Painter, WithoutGuidanceTheNegativePromptHasNoPart) {
  const auto painter = Painter::open(options());
  PaintRequest request = small_request();
  request.guidance = 1;
  const Image plain = painter->paint(request).image;
  request.negative_prompt = "";
  EXPECT_EQ(painter->paint(request).image.rgb, plain.rgb);
  request.guidance = 1.5;
  EXPECT_NE(painter->paint(request).image.rgb, plain.rgb);
}

TEST(Painter, RefusesByName) {
  const auto painter = Painter::open(options());
  const auto expect = [&](ErrorCategory category, const std::vector<std::string> &parts,
                          const std::function<void(PaintRequest &)> &change) {
    PaintRequest request = small_request();
    change(request);
    test::expect_error(category, parts, [&] { painter->paint(request); });
  };
  using Category = ErrorCategory;
  expect(Category::Settings, {"width", "100", "multiple of 8"}, [](auto &r) { r.width = 100; });
  expect(Category::Settings, {"height", "-8"}, [](auto &r) { r.height = -8; });
  expect(Category::Settings, {"width", "40000"}, [](auto &r) { r.width = 40000; });
  expect(Category::Settings, {"steps", "0"}, [](auto &r) { r.steps = 0; });
  expect(Category::Settings, {"guidance", "nan"}, [](auto &r) { r.guidance = NAN; });
  expect(Category::Data, {"prompt", "empty"}, [](auto &r) { r.prompt = " \n"; });
  expect(Category::Data, {"prompt", "empty"}, [](auto &r) { r.prompt = "\u00a0 \u3000"; });
  expect(Category::Data, {"the prompt", "UTF-8"}, [](auto &r) { r.prompt = "a\xff"; });
  expect(Category::Data, {"negative", "UTF-8"}, [](auto &r) { r.negative_prompt = "\xc3("; });
  expect(Category::NotFound, {"/no/latents"}, [](auto &r) { r.latents_path = "/no/latents"; });
  expect(Category::Format, {"latents_1.safetensors", "shape [1, 4, 8, 12], expected [1, 4, 8, 8]"},
         [](auto &r) { r.latents_path = test::data("sdxl/latents_1.safetensors"); });
  const test::Scratch scratch;
  const std::string broken = scratch.path("broken.safetensors");
  write_safetensors(broken, {{"latents", at::full({1, 4, 8, 8}, NAN)}});
  expect(Category::Format, {broken, "NaN"}, [&](auto &r) { r.latents_path = broken; });
  write_safetensors(broken, {{"noise", at::full({1, 4, 8, 8}, 1.f)}});
  expect(Category::Format, {broken, "latents"}, [&](auto &r) { r.latents_path = broken; });
  expect(Category::Unreadable, {"/no/such/dump"}, [](auto &r) { r.dump_path = "/no/such/dump"; });
}

TEST(Painter, MemoryIsCheckedWithBothFigures) {
  test::expect_error(ErrorCategory::Memory, {"4096x4096", "needs ", "only 1.00 GB"},
                     [] { weights().check_memory(4096, 4096, 1'000'000'000); });
  EXPECT_NO_THROW(weights().check_memory(64, 64, 1'000'000'000));
  PaintRequest request = small_request();
  request.width = request.height = 32768;
  const auto painter = Painter::open(options());
  test::expect_error(ErrorCategory::Memory, {"32768x32768"}, [&] { painter->paint(request); });
}

// What noise is expected is gone in a preview; after the last step none is.
TEST(Painter, PreviewsComeNearerAndEndAsThePicture) {
  const auto painter = Painter::open(options());
  PaintRequest request = small_request();
  request.steps = 4;
  std::vector<Image> previews;
  const Image image =
      painter
          ->paint(request, {}, [&](const PaintStep &done) { previews.push_back(done.preview()); })
          .image;
  ASSERT_EQ(previews.size(), 4u);
  const auto distance = [&](const Image &preview) {
    double sum = 0;
    for (size_t i = 0; i < image.rgb.size(); ++i)
      sum += std::abs(double(preview.rgb.at(i)) - image.rgb[i]);
    return sum;
  };
  EXPECT_GT(distance(previews[0]), distance(previews[2]));
  EXPECT_EQ(previews[3].rgb, image.rgb);
}

TEST(Painter, ResolvesPathAndPrecision) {
  PainterOptions given = options("auto");
  given.path += "/../model/.";
  const PainterOptions resolved = Painter::resolve(given);
  EXPECT_EQ(resolved.path, Painter::resolve(options()).path);
  EXPECT_NE(resolved.precision, "auto");
}

TEST(Painter, CancelledInAnyStep) {
  const auto painter = Painter::open(options());
  PaintRequest request = small_request();
  request.steps = 5;
  for (const int64_t when : {0, 1, 5}) {
    const CancelToken cancel;
    int64_t seen = 0;
    if (when == 0)
      cancel.cancel();
    test::expect_error(ErrorCategory::Cancelled, {}, [&] {
      painter->paint(request, cancel, [&](const PaintStep &done) {
        seen = done.step;
        if (done.step == when)
          cancel.cancel();
      });
    });
    EXPECT_EQ(seen, when);
  }
  EXPECT_NO_THROW(painter->paint(request)) << "and is as it was";
}

// Counts what is checked in a UNet's pass, and cancels behind the nth time.
class UNetPass {
public:
  explicit UNetPass(size_t cancel_after = 0)
      : pace_(cancel_, [this, cancel_after] {
          if (++checks_ == cancel_after)
            cancel_.cancel();
        }) {}

  size_t checks() const { return checks_; }
  void run() const {
    const UNet &unet = weights().unet();
    const auto condition =
        unet.condition(at::randn({1, 77, 80}), at::randn({1, 40}), at::full({1, 6}, 64.f));
    unet(at::randn({1, 4, 8, 8}), at::tensor({500.f}), condition, pace_);
  }

private:
  CancelToken cancel_;
  size_t checks_ = 0;
  Pace pace_;
};

// Before every resnet, transformer, block of one, and the last convolution.
size_t places_to_cancel(const UNetConfig &config) {
  const auto of_level = [](const UNetLevel &level, int64_t resnets) {
    return resnets * (1 + (level.transformer_depth > 0 ? 1 + level.transformer_depth : 0));
  };
  int64_t places = 2 + 1 + config.mid_transformer_depth + 1;
  for (const UNetLevel &level : config.levels)
    places +=
        of_level(level, config.layers_per_block) + of_level(level, config.layers_per_block + 1);
  return static_cast<size_t>(places);
}

TEST(UNetPasses, AreCancelledBetweenAnyTwoBlocks) {
  const c10::InferenceMode no_gradients;
  UNetPass whole;
  whole.run();
  const size_t places = places_to_cancel(weights().unet().config());
  EXPECT_EQ(whole.checks(), places);
  for (size_t n = 1; n < places; ++n) {
    UNetPass pass(n);
    test::expect_error(ErrorCategory::Cancelled, {}, [&] { pass.run(); });
    EXPECT_EQ(pass.checks(), n) << "goes no further";
  }
}

// ... as the allocator counts it; larger tensors than this model's are mappings of their own.
TEST(Painter, TextEncodersAreLetGoBetweenPictures) {
  if (test::kSanitized)
    GTEST_SKIP() << "the sanitizer has an allocator of its own";
  const auto held = [] {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<int64_t>(info.uordblks + info.hblkhd);
  };
  int64_t encoders = 0; // bytes
  for (const char *folder : {"/text_encoder", "/text_encoder_2"})
    encoders += static_cast<int64_t>(
        std::filesystem::file_size(sdxl().directory() + folder + "/model.safetensors"));
  const auto painter = Painter::open(options());
  PaintRequest request = small_request();
  const auto held_after = [&](bool keep_loaded) {
    request.keep_loaded = keep_loaded;
    painter->paint(request);
    return held();
  };
  const int64_t with = held_after(true), without = held_after(false), again = held_after(true);
  EXPECT_GT(with - without, encoders * 9 / 10);
  EXPECT_GT(again - without, encoders * 9 / 10);
  EXPECT_LT(held_after(true) - again, encoders / 10) << "they are not read twice";
}

TEST(Painter, LoadingTellsHowFarItIsAndCanBeCancelled) {
  double last = 0;
  Painter::open(options(), [&](double share) {
    EXPECT_GE(share, last);
    last = share;
  });
  EXPECT_GT(last, 0.9);
  const CancelToken cancel;
  test::expect_error(ErrorCategory::Cancelled, {}, [&] {
    Painter::open(
        options(), [&](double) { cancel.cancel(); }, cancel);
  });
}

/// Every part can learn: the trainer builds the same modules.
TEST(Gradients, ReachEveryParameterOfTheUNet) {
  class Leaves : public StateDict {
  public:
    explicit Leaves(const StateDict &inner) {
      for (const std::string &name : inner.names())
        all[name] = inner.load(name, at::kFloat).set_requires_grad(true);
    }
    bool contains(const std::string &name) const override { return all.count(name) > 0; }
    std::vector<std::string> names() const override { return {}; }
    std::vector<int64_t> shape(const std::string &name) const override {
      return all.at(name).sizes().vec();
    }
    at::Tensor load(const std::string &name, at::ScalarType) const override { return all.at(name); }
    std::string origin(const std::string &) const override { return "leaves"; }
    std::map<std::string, at::Tensor> all;
  };
  const ModelFolder folder(sdxl().directory() + "/unet");
  const Leaves leaves(folder);
  const UNet unet(Scope(leaves, at::kFloat), read_unet_config(folder.directory() + "/config.json"));
  const auto condition =
      unet.condition(at::randn({2, 77, 80}), at::randn({2, 40}), at::full({2, 6}, 64.f));
  const at::Tensor latents = at::randn({2, 4, 8, 12}), timesteps = at::tensor({3.f, 700.f});
  const at::Tensor learned = unet(latents, timesteps, condition);
  {
    const at::NoGradGuard no_gradients; // the kernels of inference
    EXPECT_TRUE(test::near(unet(latents, timesteps, condition), learned.detach(), 1e-4));
  }
  learned.square().sum().backward();
  for (const auto &[name, leaf] : leaves.all) {
    ASSERT_TRUE(leaf.grad().defined()) << name;
    EXPECT_GT(leaf.grad().abs().max().item<float>(), 0) << name;
  }
}

} // namespace
} // namespace vlm
