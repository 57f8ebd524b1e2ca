// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/bias_gelu.h"
#include "model/vision/depthwise.h"
#include "model/vision/patch_info_mining.h"
#include "model/vision/tile_attention.h"
#include "tests/model/vision/tensors.h"
#include "tests/support/fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sum.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>

namespace vlm {
namespace {

using Inputs = std::vector<at::Tensor>;
using Operation = std::function<at::Tensor(const Inputs &)>;

Inputs leaves(const Inputs &inputs, at::ScalarType type) {
  Inputs out;
  for (const at::Tensor &input : inputs)
    out.push_back(input.detach().to(type).clone().set_requires_grad(true));
  return out;
}

Inputs gradients(const Operation &operation, const Inputs &leaves, const at::Tensor &direction) {
  const at::Tensor loss = (operation(leaves) * direction.to(leaves[0].scalar_type())).sum();
  return torch::autograd::grad({loss}, leaves);
}

/// Values and gradients of a float32 kernel against the same function of general operators in
/// float64; relative to the largest value.
void expect_equal(const Operation &kernel, const Operation &reference, const Inputs &inputs) {
  const Inputs single = leaves(inputs, at::kFloat), twice = leaves(inputs, at::kDouble);
  const at::Tensor value = reference(twice), direction = at::randn_like(value.detach());
  EXPECT_TRUE(test::near(kernel(single), value, 1e-5 * value.abs().max().item<double>()));
  const Inputs got = gradients(kernel, single, direction);
  const Inputs want = gradients(reference, twice, direction);
  for (size_t i = 0; i < inputs.size(); ++i)
    EXPECT_TRUE(test::near(got[i], want[i], 2e-5 * want[i].abs().max().item<double>()))
        << "input " << i;
}

/// The gradient along a random direction of each input against a central difference of the kernel
/// itself.
void expect_differences(const Operation &kernel, const Inputs &inputs) {
  const Inputs single = leaves(inputs, at::kFloat);
  const at::Tensor direction = at::randn_like(kernel(single).detach());
  const Inputs got = gradients(kernel, single, direction);
  const at::NoGradGuard no_gradients;
  const auto loss = [&](const Inputs &at) {
    return (kernel(at).to(at::kDouble) * direction).sum().item<double>();
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    const at::Tensor step = at::randn_like(single[i]) * 4e-3;
    Inputs ahead = single, behind = single;
    ahead[i] = single[i] + step;
    behind[i] = single[i] - step;
    const double difference = (loss(ahead) - loss(behind)) / 2;
    const double along = (got[i].to(at::kDouble) * step).sum().item<double>();
    const double size = (got[i].norm() * step.norm()).item<double>();
    EXPECT_NEAR(along, difference, 2e-3 * size) << "input " << i;
  }
}

at::Tensor reference_depthwise(const Inputs &in) {
  return at::conv2d(in[0].permute({0, 3, 1, 2}), in[1], in[2], 1, 3, 1, in[0].size(3))
      .permute({0, 2, 3, 1});
}

at::Tensor own_depthwise(const Inputs &in) { return depthwise_7x7(in[0], in[1], in[2]); }

Inputs depthwise_inputs(int64_t height, int64_t width, int64_t channels) {
  return {at::randn({2, height, width, channels}), at::randn({channels, 1, 7, 7}),
          at::randn({channels})};
}

TEST(Depthwise, EqualsConvolution) {
  for (const auto &[h, w, c] : {std::tuple{8, 8, 16}, {5, 13, 20}, {1, 1, 3}, {17, 2, 8}})
    expect_equal(own_depthwise, reference_depthwise, depthwise_inputs(h, w, c));
}

TEST(Depthwise, EqualsDifferences) {
  expect_differences(own_depthwise, depthwise_inputs(9, 10, 12));
}

TEST(Depthwise, TakesMapsOfAnyLayout) {
  const Inputs in = depthwise_inputs(6, 6, 8);
  const at::Tensor planes = in[0].permute({0, 3, 1, 2}).contiguous().permute({0, 2, 3, 1});
  EXPECT_TRUE(test::near(depthwise_7x7(planes, in[1], in[2]), own_depthwise(in), 0));
}

TEST(BiasGelu, EqualsGeneralOperators) {
  const auto own = [](const Inputs &in) { return bias_gelu(in[0], in[1]); };
  const auto reference = [](const Inputs &in) { return at::gelu(in[0] + in[1]); };
  expect_equal(own, reference, {at::randn({3, 7, 20}) * 3, at::randn({20})});
  expect_equal(own, reference, {at::randn({200, 8}) * 30, at::randn({8})});
  expect_differences(own, {at::randn({5, 16}), at::randn({16})});
}

/// Query first, then the stages.
Operation attention(decltype(tile_attention) function, int64_t shrink) {
  return [=](const Inputs &in) {
    return function(in[0], {in.begin() + 1, in.end()}, 1e-5, shrink);
  };
}

Inputs attention_inputs(int64_t side, int64_t height, const std::vector<int64_t> &channels) {
  Inputs out = {at::Tensor()};
  int64_t depth = 0;
  for (const int64_t c : channels) {
    out.push_back(at::randn({2, height, height, c}));
    height = (height + 1) / 2;
    depth += c;
  }
  out[0] = at::randn({2, side * side, depth}) * 0.3;
  return out;
}

void check_attention(const Inputs &inputs, int64_t shrink) {
  expect_equal(attention(tile_attention, shrink), attention(tile_attention_by_rows, shrink),
               inputs);
}

TEST(TileAttention, EqualsGeneralOperators) {
  check_attention(attention_inputs(4, 32, {16, 32, 24, 64}), 1);
  check_attention(attention_inputs(2, 6, {5, 9, 3}), 1); // sides 6, 3, 2: no whole ratio
  check_attention(attention_inputs(1, 1, {12}), 1);
}

TEST(TileAttention, ShrinksTheMap) {
  check_attention(attention_inputs(4, 32, {16, 8, 8, 16}), 2);
  check_attention(attention_inputs(2, 24, {8, 8}), 3);
  check_attention(attention_inputs(2, 16, {8, 8, 8}), 4);
}

TEST(TileAttention, EqualsDifferences) {
  expect_differences(attention(tile_attention, 1), attention_inputs(2, 8, {16, 8}));
  expect_differences(attention(tile_attention, 2), attention_inputs(2, 8, {16, 8}));
}

TEST(TileAttention, ConstantVectorsStayFinite) {
  Inputs in = attention_inputs(2, 8, {8, 8});
  in[1].fill_(3);
  in[2].fill_(3);
  const Inputs leaf = leaves(in, at::kFloat);
  const at::Tensor out = attention(tile_attention, 1)(leaf);
  EXPECT_TRUE(test::near(out, out * 0, 1e-3));
  for (const at::Tensor &g : gradients(attention(tile_attention, 1), leaf, at::randn_like(out)))
    EXPECT_TRUE(std::isfinite(g.abs().max().item<float>()));
}

TEST(TileAttention, RefusesMapsThatDoNotDivide) {
  const Inputs in = attention_inputs(3, 16, {8, 8});
  EXPECT_THROW(attention(tile_attention, 1)(in), Error);
}

/// mgm-spec 3.2 word for word, without any rearrangement.
at::Tensor literal_mining(const Inputs &in, int64_t side, double scale) {
  enum { X, Y, QueryG, QueryB, QueryW, QueryC, AuxG, AuxB, AuxW, AuxC, ValG, ValB, ValW, ValC };
  const auto project = [&](const at::Tensor &x, size_t first) {
    const at::Tensor n = at::layer_norm(x, {x.size(-1)}, in[first], in[first + 1], 1e-5);
    return at::linear(n, in[first + 2], in[first + 3]);
  };
  const at::Tensor &y = in[Y];
  const int64_t tile = y.size(1) / side;
  const at::Tensor regions = y.reshape({y.size(0), side, tile, side, tile, y.size(3)})
                                 .permute({0, 1, 3, 2, 4, 5})
                                 .reshape({y.size(0), side * side, tile * tile, y.size(3)});
  const at::Tensor q = project(in[X], QueryG).unsqueeze(2);
  const at::Tensor k = project(regions, AuxG), v = project(regions, ValG);
  const at::Tensor scores = at::matmul(q, k.transpose(2, 3) / scale);
  return at::matmul(at::softmax(scores, -1), v).squeeze(2);
}

at::Tensor own_mining(const Inputs &in) {
  test::Tensors weights;
  size_t i = 2;
  for (const char *part : {"query", "aux", "val"})
    for (const char *name : {"0.weight", "0.bias", "1.weight", "1.bias"})
      weights.all[std::string("vlm_uni_") + part + "_projector." + name] = in[i++];
  const PatchInfoMining mining(Scope(weights, at::kFloat), in[0].size(2), {in[1].size(3)});
  return mining(in[0], {in[1]});
}

TEST(PatchInfoMining, RearrangedFormHasTheSameGradients) {
  const int64_t width = 24, depth = 40;
  Inputs in = {at::randn({2, 9, width}), at::randn({2, 12, 12, depth})};
  for (const int64_t from : {width, depth, depth}) {
    in.push_back(at::randn({from}) * 0.3 + 1);
    in.push_back(at::randn({from}));
    in.push_back(at::randn({width, from}) * 0.3);
    in.push_back(at::randn({width}));
  }
  const auto literal = [&](const Inputs &at) { return literal_mining(at, 3, std::sqrt(width)); };
  // The key's bias and its norm's bias leave the softmax: their gradient is zero, here and there.
  const Inputs single = leaves(in, at::kFloat), twice = leaves(in, at::kDouble);
  const at::Tensor want = literal(twice), direction = at::randn_like(want.detach());
  EXPECT_TRUE(test::near(own_mining(single), want, 1e-5));
  const Inputs wanted = gradients(literal, twice, direction);
  const at::Tensor loss = (own_mining(single) * direction).sum();
  const auto got = torch::autograd::grad({loss}, single, {}, {}, false, /*allow_unused=*/true);
  for (size_t i = 0; i < in.size(); ++i) {
    const at::Tensor gradient = got[i].defined() ? got[i] : single[i].detach() * 0;
    EXPECT_TRUE(test::near(gradient, wanted[i], 3e-5 * wanted[i].abs().max().item<double>() + 1e-9))
        << "input " << i;
  }
}

} // namespace
} // namespace vlm
