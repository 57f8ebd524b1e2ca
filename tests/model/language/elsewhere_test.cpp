// SPDX-License-Identifier: LGPL-2.1-or-later
// Off the CPU every step must be the library's: a kernel of our own would read memory that is not
// there. The meta device has none, and computes the shapes of results alone.
#include "model/language/decoder.h"
#include "model/weights/checkpoint.h"
#include "model/weights/model_config.h"
#include "tests/support/fixture.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

namespace vlm::test {
namespace {

using Kind = std::tuple<const char *, at::ScalarType>;
class Elsewhere : public ::testing::TestWithParam<Kind> {};

// Mixtral's router decides by values what is multiplied: it can't run without any.
TEST_P(Elsewhere, TheDecoderRunsThere) {
  const c10::InferenceMode no_gradients;
  const auto &[name, dtype] = GetParam();
  const Checkpoint checkpoint(data(std::string(name) + "/model"));
  const DecoderConfig config = read_model_config(checkpoint.directory(), checkpoint).decoder;
  const Decoder decoder(Scope(checkpoint, dtype, at::kMeta), config);
  const auto somewhere = [&](int64_t rows, int64_t length) {
    return at::empty({rows, length, config.hidden_size}, at::TensorOptions().device(at::kMeta));
  };
  KvCache first = decoder.cache(), second = decoder.cache();
  const at::Tensor hidden = decoder.forward(somewhere(1, 7), first);
  EXPECT_TRUE(hidden.is_meta());
  EXPECT_EQ(hidden.sizes(), at::IntArrayRef({1, 7, config.hidden_size}));
  decoder.forward(somewhere(1, 3), second);
  const at::Tensor next = decoder.decode(somewhere(2, 1), {&first, &second});
  EXPECT_EQ(first.length(), 8);
  EXPECT_EQ(second.length(), 4);
  const at::Tensor logits = decoder.logits(next);
  EXPECT_TRUE(logits.is_meta());
  EXPECT_EQ(logits.scalar_type(), at::kFloat);
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({2, 1, config.vocab_size}));
}

INSTANTIATE_TEST_SUITE_P(All, Elsewhere,
                         ::testing::Combine(::testing::Values("gemma", "llama3", "vicuna", "yi"),
                                            ::testing::Values(at::kFloat, at::kBFloat16)),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  at::toString(std::get<1>(info.param));
                         });

} // namespace
} // namespace vlm::test
