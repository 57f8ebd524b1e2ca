// SPDX-License-Identifier: LGPL-2.1-or-later
// From a prompt to what the UNet reads, and the noise levels, against diffusers.
#include "model/generation/euler_scheduler.h"
#include "model/generation/prompt_encoder.h"

#include "tests/model/generation/sdxl_case.h"
#include "tests/model/weights/scratch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

namespace vlm {
namespace {

using nlohmann::json;
using Ids = std::vector<int64_t>;

Ids ids_of(const at::Tensor &tensor) {
  const at::Tensor flat = tensor.to(at::kLong).contiguous();
  return {flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel()};
}

TEST(Prompt, TokenIdsEqualTheReferences) {
  const test::SdxlCase sdxl;
  const PromptEncoder encoder(sdxl.directory());
  for (size_t i = 0; i < sdxl.prompts().size(); ++i)
    for (const auto &[text, name] :
         {std::pair("prompt", "tokens_"), std::pair("negative", "negative_tokens_")}) {
      const auto tokens = encoder.tokenize(sdxl.prompts()[i].at(text));
      EXPECT_EQ(tokens.of[0].ids, ids_of(sdxl(i, name + std::string("1"))));
      EXPECT_EQ(tokens.of[1].ids, ids_of(sdxl(i, name + std::string("2"))));
    }
}

TEST(Prompt, TellsHowMuchWasCut) {
  const test::SdxlCase sdxl;
  const PromptEncoder encoder(sdxl.directory());
  for (const json &prompt : sdxl.prompts()) {
    const auto tokens = encoder.tokenize(prompt.at("prompt"));
    const int64_t all = prompt.at("tokens_before_truncation");
    EXPECT_EQ(tokens.of[0].cut, std::max<int64_t>(0, all - ClipTokenizer::kLength));
  }
  std::string words;
  for (int i = 0; i < 10000; ++i)
    words += "bird ";
  EXPECT_EQ(encoder.tokenize(words).of[0].cut, 10000 - 75);
}

TEST(Prompt, EmbeddingsEqualTheReferences) {
  const c10::InferenceMode no_gradients;
  const test::SdxlCase sdxl;
  PromptEncoder encoder(sdxl.directory());
  encoder.load(at::kFloat);
  for (size_t i = 0; i < sdxl.prompts().size(); ++i) {
    const json &prompt = sdxl.prompts()[i];
    const auto got = encoder.encode(
        {encoder.tokenize(prompt.at("negative")), encoder.tokenize(prompt.at("prompt"))});
    sdxl.expect(i, "negative_prompt_embeds", got.prompt.narrow(0, 0, 1));
    sdxl.expect(i, "prompt_embeds", got.prompt.narrow(0, 1, 1));
    sdxl.expect(i, "negative_pooled_prompt_embeds", got.pooled.narrow(0, 0, 1));
    sdxl.expect(i, "pooled_prompt_embeds", got.pooled.narrow(0, 1, 1));
  }
}

TEST(Prompt, EncodersCanBeFreedAndReadAgain) {
  const c10::InferenceMode no_gradients;
  PromptEncoder encoder(test::SdxlCase().directory());
  encoder.load(at::kFloat);
  const auto before = encoder.encode({encoder.tokenize("a red bird")});
  encoder.unload();
  encoder.load(at::kFloat);
  EXPECT_TRUE(
      test::near(encoder.encode({encoder.tokenize("a red bird")}).prompt, before.prompt, 0));
}

TEST(Prompt, Bfloat16StaysNearFloat32) {
  const c10::InferenceMode no_gradients;
  PromptEncoder encoder(test::SdxlCase().directory());
  encoder.load(at::kFloat);
  const auto exact = encoder.encode({encoder.tokenize("a red bird")});
  encoder.unload();
  encoder.load(at::kBFloat16);
  const auto rounded = encoder.encode({encoder.tokenize("a red bird")});
  const double scale = exact.prompt.abs().max().item<double>();
  EXPECT_TRUE(test::near(rounded.prompt, exact.prompt, 0.03 * scale));
  EXPECT_FALSE(test::near(rounded.prompt, exact.prompt, 1e-5 * scale));
}

TEST(Prompt, CancelledBetweenLayers) {
  const c10::InferenceMode no_gradients;
  PromptEncoder encoder(test::SdxlCase().directory());
  encoder.load(at::kFloat);
  const CancelToken cancel;
  cancel.cancel();
  test::expect_error(ErrorCategory::Cancelled, {},
                     [&] { encoder.encode({encoder.tokenize("x")}, cancel); });
}

TEST(Scheduler, NoiseLevelsEqualTheReferences) {
  const test::SdxlCase sdxl;
  const SchedulerConfig config =
      read_scheduler_config(sdxl.directory() + "/scheduler/scheduler_config.json");
  const json table = test::read_json("sdxl/scheduler_table.json");
  ASSERT_GE(table.size(), 6u);
  for (const auto &[steps, want] : table.items()) {
    const EulerScheduler scheduler(config, std::stoll(steps));
    EXPECT_EQ(scheduler.timesteps(), want.at("timesteps").get<std::vector<double>>());
    const auto sigmas = want.at("sigmas").get<std::vector<double>>();
    ASSERT_EQ(scheduler.sigmas().size(), sigmas.size());
    for (size_t i = 0; i < sigmas.size(); ++i)
      EXPECT_NEAR(scheduler.sigmas()[i], sigmas[i], 5.9e-5) << steps << " steps";
    EXPECT_NEAR(scheduler.init_noise_sigma(), want.at("init_noise_sigma").get<double>(), 5.9e-5);
  }
  for (const int64_t steps : {-1, 0, 1001})
    test::expect_error(ErrorCategory::Settings, {"steps", std::to_string(steps)},
                       [&] { EulerScheduler(config, steps); });
  EXPECT_EQ(EulerScheduler(config, 1000).sigmas().size(), 1001u);
}

} // namespace
} // namespace vlm
