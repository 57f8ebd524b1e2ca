// SPDX-License-Identifier: LGPL-2.1-or-later
// Products in int8 and int4 against sums of integers, one product at a time, and against ATen.
#include "model/compute/error_feedback.h"
#include "model/compute/linear.h"
#include "model/compute/quantize.h"
#include "model/compute/quantized_product.h"
#include "model/core/error.h"
#include "model/core/machine.h"
#include "tests/model/compute/quantized.h"
#include "tests/model/compute/random.h"
#include "tests/support/fixture.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <cstdio>
#include <map>

namespace vlm::test {
namespace {

constexpr Quantization kKinds[] = {Quantization::Int8, Quantization::Int4};

// Integers in [-127, 127], each row with a 127, so that quantising leaves them as they are.
at::Tensor integers(int64_t rows, int64_t columns, uint64_t seed) {
  at::Tensor out = (values({rows, columns}, seed) * 127.4).round();
  if (columns > 0)
    out.select(1, static_cast<int64_t>(seed) % columns).fill_(127);
  return out;
}

// Sums of products of integers; x holds integers.
at::Tensor naive(const at::Tensor &x, const QuantizedWeight &w) {
  const int64_t rows = x.size(0), columns = x.size(1), outputs = w.out_features();
  const at::Tensor out = at::empty({rows, outputs}, at::kFloat);
  std::vector<int64_t> weights(static_cast<size_t>(columns));
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t c = 0; c < columns; ++c)
      weights[static_cast<size_t>(c)] = held(w, o, c);
    for (int64_t r = 0; r < rows; ++r) {
      const float *values = x.data_ptr<float>() + r * columns;
      int64_t sum = 0;
      for (int64_t c = 0; c < columns; ++c)
        sum += static_cast<int64_t>(values[c]) * weights[static_cast<size_t>(c)];
      out.data_ptr<float>()[r * outputs + o] = static_cast<float>(sum) * w.scales(o / 16)[o % 16];
    }
  }
  return out;
}

// Kernels of every processor that this one can play, and int4 without and with unpacking.
std::vector<IntegerKernels> all_kernels() {
  std::vector<IntegerKernels> out;
  for (const IntegerKernels *kernels : integer_kernels())
    for (const bool unpack : {false, true}) {
      out.push_back(*kernels);
      out.back().unpack_for_many = unpack;
    }
  return out;
}

TEST(Quantized, TheBestKernelsThatAreAllowedComeFirst) {
  const char *most = std::getenv("ONEDNN_MAX_CPU_ISA");
  const std::string best = integer_kernels().front()->name;
  EXPECT_EQ(best == "AVX-512 VNNI", cpu_has_vnni());
  const bool bounded = most && std::string(most) == "AVX2";
  EXPECT_FALSE(bounded && (cpu_has_vnni() || cpu_has_bf16()));
}

TEST(Quantized, ProductsAreExact) {
  for (const Quantization kind : kKinds)
    for (const int64_t k : {1, 5, 31, 33, 64, 100, 130, 1100})
      for (const int64_t n : {1, 15, 16, 17, 67}) {
        const QuantizedWeight w = quantized(kind, integers(n, k, 3));
        const at::Tensor x = integers(33, k, 4), want = naive(x, w);
        for (const IntegerKernels &kernels : all_kernels())
          for (const int64_t m : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 23, 32, 33})
            EXPECT_TRUE(
                quantized_product(x.narrow(0, 0, m), w, {}, kernels).equal(want.narrow(0, 0, m)))
                << kernels.name << ": " << m << " x " << k << " x " << n;
      }
}

// More than one tile of rows, and sums as large as they become.
TEST(Quantized, ManyRowsAndTheLargestSumsAreExact) {
  const int64_t k = 16384;
  const at::Tensor x = at::full({530, k}, 127.0f), w = at::full({20, k}, 127.0f);
  x.narrow(0, 500, 15).fill_(-127);
  for (const Quantization kind : kKinds) {
    const at::Tensor want = naive(x.narrow(0, 0, 1), quantized(kind, w))[0];
    EXPECT_EQ(want[0].item<float>(), 127.0f * 127 * k); // in either
    for (const IntegerKernels &kernels : all_kernels()) {
      if (std::string(kernels.name) == "portable")
        continue; // too slow for this
      const at::Tensor got = quantized_product(x, quantized(kind, w), {}, kernels);
      EXPECT_TRUE(got[0].equal(want) && got[499].equal(want) && got[529].equal(want));
      EXPECT_TRUE(got[500].equal(-want) && got[514].equal(-want)) << kernels.name;
    }
  }
}

TEST(Quantized, ARowIsTheSameInAnyCompanyAndOnAnyProcessor) {
  const at::Tensor x = values({70, 300}, 1), bias = values({50}, 3);
  for (const Quantization kind : kKinds) {
    const QuantizedWeight w = quantized(kind, values({50, 300}, 2));
    const at::Tensor want = quantized_product(x, w, bias);
    for (const IntegerKernels &kernels : all_kernels()) {
      EXPECT_TRUE(quantized_product(x, w, bias, kernels).equal(want)) << kernels.name;
      for (const int64_t m : {1, 2, 7, 12, 32, 33})
        for (int64_t row = 0; row + m <= 70; row += m)
          EXPECT_TRUE(quantized_product(x.narrow(0, row, m), w, bias, kernels)
                          .equal(want.narrow(0, row, m)))
              << kernels.name << ": " << m << " rows from " << row;
    }
  }
}

TEST(Quantized, UnpackingLosesNothing) {
  const QuantizedWeight w = quantized(Quantization::Int4, values({40, 150}, 5));
  std::vector<int8_t> block(kInt8Block);
  for (int64_t panel = 0; panel < w.panels(); ++panel)
    for (int64_t b = 0; b < w.blocks(); ++b) {
      unpack(*w.int4(panel, b), block.data());
      for (int64_t r = 0; r < 16; ++r)
        for (int64_t c = 0; c < 64; ++c)
          EXPECT_EQ(block[static_cast<size_t>(c / 4 * 64 + r * 4 + c % 4)],
                    held(w, panel * 16 + r, b * 64 + c));
    }
}

TEST(Quantized, RowsAreWhatIsHeld) {
  const at::Tensor w = values({40, 150}, 5), smoothing = values({150}, 6).abs() + 0.5;
  const auto rows = [&](int64_t first, int64_t count) { return w.narrow(0, first, count); };
  for (const Quantization kind : kKinds) {
    const QuantizedWeight plain(kind, 40, 150, rows), smooth(kind, 40, 150, rows, {smoothing});
    const at::Tensor want = values_of(plain), smooth_want = values_of(smooth) * smoothing;
    const at::Tensor got = at::empty({150});
    for (int64_t row = 0; row < 40; ++row) {
      plain.row(row, got.data_ptr<float>());
      EXPECT_TRUE(got.equal(want[row]));
      smooth.row(row, got.data_ptr<float>());
      EXPECT_TRUE(got.equal(smooth_want[row]));
    }
  }
}

double relative_error(const at::Tensor &got, const at::Tensor &want) {
  return ((got - want).norm() / want.norm()).item<double>();
}

// Rounding to steps of s makes an error of s / sqrt(12). Values in [-1, 1), whose deviation is
// 1 / sqrt(3): in int8 s is 1 / 127, both in x and in the weights; in int4, where a group of 32
// spans 2 * 31 / 33, s is that / 15, which its rounding to an integer number of int8's steps makes
// a little larger.
TEST(Quantized, ErrorsAreThoseOfRounding) {
  const at::Tensor x = values({64, 2048}, 1), w = values({256, 2048}, 2), b = values({256}, 3);
  const at::Tensor want = at::linear(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble));
  const double int8 = 1 / 127.0 / 2, int4 = 2 * 31 / 33.0 / 15 / 2;
  EXPECT_LE(relative_error(quantized_product(x, quantized(Quantization::Int8, w), b), want),
            1.05 * std::hypot(int8, int8));
  EXPECT_LE(relative_error(quantized_product(x, quantized(Quantization::Int4, w), b), want),
            1.05 * std::hypot(int8, int4));
}

// Squares of what the nearest of these 16 numbers leaves; infinite where one of them is no int8.
double squares(const at::Tensor &x, int scale, int offset) {
  double sum = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double value = x.data_ptr<float>()[i];
    const double nibble = std::min(std::max(std::round((value - offset) / scale), 0.0), 15.0);
    const double held = std::min(offset + scale * nibble, 127.0);
    sum += (value - held) * (value - held);
  }
  return sum;
}

TEST(Quantized, NoGridFitsAGroupMuchBetter) {
  double most = 0, sum = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const double width = 8 + 2 * static_cast<double>(seed);
    const double middle = seed % 3 ? 127 - width : width - 127;
    const at::Tensor random = values({kGroupSize}, seed) * width + middle;
    float x[kGroupSize];
    std::copy_n(random.data_ptr<float>(), kGroupSize, x);
    uint8_t nibbles[kGroupSize];
    float costs[kGroupSize];
    std::fill_n(costs, kGroupSize, 1.f);
    const GroupScale grid = quantize_group(x, costs, nibbles);
    double error = 0, best = squares(random, 1, 0);
    for (int64_t i = 0; i < kGroupSize; ++i) {
      ASSERT_LE(nibbles[i], 15);
      const int value = grid.offset + grid.scale * nibbles[i];
      EXPECT_LE(std::abs(value), 127);
      error += (x[i] - value) * (x[i] - value);
    }
    for (int scale = 1; scale <= 18; ++scale)
      for (int offset = -127; offset <= 127; ++offset)
        best = std::min(best, squares(random, scale, offset));
    most = std::max(most, error / best);
    sum += error / best;
  }
  std::printf(
      "[  quality ] squares of a group beside the best grid's: %.3f on average, at most %.3f\n",
      sum / 60, most);
  EXPECT_LE(sum / 60, 1.3);
}

// A value far off is held where it counts, and given up where it does not.
TEST(Quantized, CostsSayWhichValuesAGridMustFit) {
  const at::Tensor random = values({kGroupSize}, 7) * 10;
  float x[kGroupSize], costs[kGroupSize];
  std::copy_n(random.data_ptr<float>(), kGroupSize, x);
  std::fill_n(costs, kGroupSize, 1.f);
  x[5] = 120;
  const auto error_of = [&](int64_t i) {
    uint8_t nibbles[kGroupSize];
    const GroupScale grid = quantize_group(x, costs, nibbles);
    return std::abs(static_cast<float>(grid.offset + grid.scale * nibbles[i]) - x[i]);
  };
  costs[5] = 1e4;
  const float held = error_of(5);
  costs[5] = 0;
  EXPECT_LT(held, error_of(5));
}

TEST(Quantized, RoundsToNearestEven) {
  const float x[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -3.49f, 126.51f, 127, -127, 0};
  const int8_t want[] = {0, 2, 2, 0, -2, -3, 127, 127, -127, 0};
  int8_t got[10];
  EXPECT_EQ(quantize_row(x, 10, got), 1);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(got[i], want[i]) << x[i];
}

TEST(Quantized, ZerosAndWhatIsNoNumber) {
  const at::Tensor x = values({4, 70}, 1), bias = values({3}, 3);
  x[0].fill_(0);
  x[1][69] = std::nanf("");
  x[2][3] = -INFINITY;
  for (const Quantization kind : kKinds) {
    const at::Tensor w = values({3, 70}, 2);
    w[1].fill_(0);
    const QuantizedWeight weight = quantized(kind, w);
    const at::Tensor y = quantized_product(x, weight, bias);
    EXPECT_TRUE(y[0].equal(bias));
    EXPECT_FALSE(std::isfinite(y[1][0].item<float>()));
    EXPECT_FALSE(std::isfinite(y[2][0].item<float>()));
    EXPECT_EQ(y[3][1].item<float>(), bias[1].item<float>());
    EXPECT_TRUE(y[3].equal(quantized_product(x.narrow(0, 3, 1), weight, bias)[0]));
  }
}

TEST(Quantized, BytesAreThoseThatWereForetold) {
  for (const Quantization kind : kKinds)
    for (const auto &[n, k] : {std::pair{1, 1}, {16, 64}, {17, 65}, {256, 2048}})
      EXPECT_EQ(quantized(kind, values({n, k}, 1)).bytes(), quantized_bytes(kind, n, k));
  // Four and a half bits a weight, and the scale of each row.
  EXPECT_EQ(quantized_bytes(Quantization::Int4, 256, 2048), 256 * 2048 / 16 * 9 + 256 * 4);
}

TEST(Quantized, TooManyColumnsAreRefused) {
  try {
    quantized(Quantization::Int8, at::zeros({1, 65537}));
    FAIL() << "was not refused";
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Unsupported);
    EXPECT_NE(std::string(error.what()).find("65537"), std::string::npos) << error.what();
  }
}

class OneLayer : public StateDict {
public:
  bool contains(const std::string &name) const override {
    return name == "bias" || name == "weight";
  }
  std::vector<std::string> names() const override { return {"bias", "weight"}; }
  std::vector<int64_t> shape(const std::string &name) const override {
    return name == "bias" ? bias.sizes().vec() : weight.sizes().vec();
  }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    return (name == "bias" ? bias : weight).to(dtype);
  }
  std::string origin(const std::string &) const override { return "here"; }
  at::Tensor weight = values({35, 90}, 2), bias = values({35}, 3);
};

TEST(Quantized, LinearTakesItFromItsScope) {
  const OneLayer dict;
  const at::Tensor x = values({2, 3, 90}, 1);
  for (const Quantization kind : kKinds) {
    const Linear linear(Scope(dict, at::kBFloat16).quantized(kind), 90, 35, true);
    EXPECT_EQ(linear.in_features(), 90);
    EXPECT_EQ(linear.out_features(), 35);
    EXPECT_FALSE(linear.weight().defined());
    const at::Tensor y = linear(x);
    EXPECT_EQ(y.sizes(), (std::vector<int64_t>{2, 3, 35}));
    EXPECT_TRUE(y.view({6, 35}).equal(
        quantized_product(x.view({6, 90}), quantized(kind, dict.weight), dict.bias)));
    EXPECT_TRUE(linear(x.transpose(0, 1)).transpose(0, 1).equal(y));
    EXPECT_THROW(Linear(Scope(dict, at::kFloat).quantized(kind), 91, 35, true), Error);
  }
}

// One column of x is a hundred times the others, as in real models.
TEST(Quantized, SmoothingMovesWhatIsHardToRound) {
  const at::Tensor x = values({20, 200}, 1), w = values({50, 200}, 2);
  x.select(1, 77).mul_(100);
  w.select(1, 77).mul_(0.01);
  const at::Tensor smoothing = at::ones({200});
  smoothing[77] = 0.01;
  const auto rows = [&](int64_t first, int64_t count) { return w.narrow(0, first, count); };
  for (const Quantization kind : kKinds) {
    const QuantizedWeight smooth(kind, 50, 200, rows, {smoothing});
    for (const IntegerKernels &kernels : all_kernels()) {
      const at::Tensor y = quantized_product(x, smooth, {}, kernels);
      const at::Tensor by_hand =
          quantized_product(x * smoothing, quantized(kind, w / smoothing), {});
      EXPECT_TRUE(y.equal(by_hand)) << kernels.name;
      for (int64_t row = 0; row < 20; ++row)
        EXPECT_TRUE(
            quantized_product(x.narrow(0, row, 1), smooth, {}, kernels).equal(y.narrow(0, row, 1)));
    }
    const at::Tensor want = at::linear(x, w);
    const double plain = relative_error(quantized_product(x, quantized(kind, w), {}), want);
    EXPECT_LT(relative_error(quantized_product(x, smooth, {}), want), plain / 3);
  }
}

TEST(Quantized, ASecondTermHoldsWhatRoundingLeft) {
  const at::Tensor x = values({70, 200}, 1), w = values({50, 200}, 2), bias = values({50}, 3);
  x.select(1, 77).mul_(100);
  const at::Tensor smoothing = values({200}, 4).abs() + 0.5;
  const auto rows = [&](int64_t first, int64_t count) { return w.narrow(0, first, count); };
  for (const Quantization kind : kKinds)
    for (const at::Tensor &factors : {at::Tensor(), smoothing}) {
      const QuantizedWeight once(kind, 50, 200, rows, {factors}),
          twice(kind, 50, 200, rows, {factors, 2});
      at::Tensor integers = values_of(once); // of which the products would be exact
      if (factors.defined())
        integers = integers * factors;
      const at::Tensor want = at::linear(x, integers, bias), y = quantized_product(x, twice, bias);
      EXPECT_LT(relative_error(y, want),
                relative_error(quantized_product(x, once, bias), want) / 50);
      for (const IntegerKernels &kernels : all_kernels()) {
        EXPECT_TRUE(quantized_product(x, twice, bias, kernels).equal(y)) << kernels.name;
        for (const int64_t m : {1, 4, 13, 17})
          for (int64_t row = 0; row + m <= 70; row += m)
            EXPECT_TRUE(quantized_product(x.narrow(0, row, m), twice, bias, kernels)
                            .equal(y.narrow(0, row, m)))
                << kernels.name << ": " << m << " rows from " << row;
      }
    }
}

// Activations of 600 columns that go together, as in real models.
TEST(Quantized, LaterColumnsMakeErrorsGood) {
  const at::Tensor mix = values({40, 600}, 1), w = values({50, 600}, 2);
  const auto inputs = [&](int64_t count, uint64_t seed) {
    return at::linear(values({count, 40}, seed), mix.t()) + values({count, 600}, seed + 1) * 0.1;
  };
  const at::Tensor seen = inputs(800, 3), others = inputs(60, 5), want = at::linear(others, w);
  const auto rows = [&](int64_t first, int64_t count) { return w.narrow(0, first, count); };
  const auto moments = [](const at::Tensor &x) {
    const at::Tensor sums = at::zeros({x.size(1), 256});
    add_block_moments(x, sums);
    return sums;
  };
  const ErrorFeedback feedback(moments(seen), 256, {});
  const QuantizedWeight plain(Quantization::Int4, 50, 600, rows),
      better(Quantization::Int4, 50, 600, rows, {{}, 1, &feedback});
  const double before = relative_error(quantized_product(others, plain, {}), want);
  EXPECT_LT(relative_error(quantized_product(others, better, {}), want), before * .7);
  const at::Tensor held = values_of(better);
  EXPECT_LT(relative_error(held, w), 2 * relative_error(values_of(plain), w)); // not at any price
  // Activations of zeros say nothing.
  const ErrorFeedback silent(moments(at::zeros({300, 600})), 256, {});
  const QuantizedWeight same(Quantization::Int4, 50, 600, rows, {{}, 1, &silent});
  EXPECT_NEAR(relative_error(values_of(same), w), relative_error(values_of(plain), w), 1e-3);
  // Nor do no activations.
  EXPECT_TRUE(moments(at::zeros({0, 600})).equal(at::zeros({600, 256})));
}

// What a checkpoint of packed weights holds.
class PackedLayer : public StateDict {
public:
  bool contains(const std::string &name) const override { return all.count(name) > 0; }
  std::vector<std::string> names() const override { return {}; }
  std::vector<int64_t> shape(const std::string &name) const override {
    return all.at(name).sizes().vec();
  }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    return all.at(name).to(dtype);
  }
  std::string origin(const std::string &) const override { return "here.safetensors"; }
  std::map<std::string, at::Tensor> all;
};

TEST(Quantized, LinearTakesPackedWeightsAsTheyAre) {
  const at::Tensor x = values({7, 90}, 1), w = values({35, 90}, 2);
  const auto rows = [&](int64_t first, int64_t count) { return w.narrow(0, first, count); };
  for (const Quantization kind : kKinds)
    for (const at::Tensor &smoothing : {at::Tensor(), values({90}, 3).abs() + 0.1}) {
      const int64_t terms = smoothing.defined() ? 2 : 1;
      const QuantizedWeight packed(kind, 35, 90, rows, {smoothing, terms});
      PackedLayer dict;
      for (const auto &[name, tensor] : packed.tensors())
        dict.all[name] = tensor;
      EXPECT_EQ(dict.all.size(), smoothing.defined() ? 4u : 2u);
      // Whatever the scope would do with a weight.
      for (const Quantization asked : {Quantization::None, Quantization::Int8}) {
        const Linear linear(Scope(dict, at::kBFloat16).quantized(asked), 90, 35, false);
        EXPECT_TRUE(linear(x).equal(quantized_product(x, packed, {})));
      }
    }
}

TEST(Quantized, DamagedPackedWeightsAreNamed) {
  const QuantizedWeight packed = quantized(Quantization::Int4, values({35, 90}, 2));
  const auto refused = [&](const std::string &name, const at::Tensor &instead, int64_t in = 90) {
    PackedLayer dict;
    for (const auto &[known, tensor] : packed.tensors())
      dict.all[known] = tensor;
    dict.all[name] = instead;
    try {
      Linear(Scope(dict, at::kBFloat16), in, 35, false);
      ADD_FAILURE() << name << " was not refused";
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), ErrorCategory::Format);
      EXPECT_NE(std::string(error.what()).find("here.safetensors: tensor " + name),
                std::string::npos)
          << error.what();
    }
  };
  const at::Tensor qweight = packed.tensors()[0].second;
  refused("qweight", qweight.narrow(0, 0, 2));
  refused("qweight", qweight.view({-1}));
  refused("qweight", qweight, 200);
  refused("scales", at::ones({47}));
  refused("smoothing", at::ones({91}));
  refused("activation_terms", at::full({1}, 3, at::kByte));
  refused("activation_terms", at::full({2}, 1, at::kByte));
  const at::Tensor wild = qweight.clone();
  wild[1][1][520] = 200; // a group's scale
  refused("qweight", wild);
}

class Watching : public LinearObserver {
public:
  void saw(const std::string &name, const at::Tensor &x) override {
    names.push_back(name);
    seen.push_back(x);
  }
  std::vector<std::string> names;
  std::vector<at::Tensor> seen;
};

TEST(Quantized, AnObserverSeesWhatGoesIn) {
  const OneLayer dict;
  Watching watching;
  const at::Tensor x = values({2, 3, 90}, 1);
  const Scope scope = Scope(dict, at::kFloat).observed(&watching);
  for (const Linear &linear :
       {Linear(scope, 90, 35, true), Linear(scope.quantized(Quantization::Int8), 90, 35, true)})
    linear(x);
  ASSERT_EQ(watching.seen.size(), 2u);
  for (const at::Tensor &seen : watching.seen)
    EXPECT_TRUE(seen.equal(x.view({6, 90})));
}

} // namespace
} // namespace vlm::test
