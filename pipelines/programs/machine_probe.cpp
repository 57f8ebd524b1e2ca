// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/machine_probe.h"

#include "model/compute/gemm.h"
#include "model/core/machine.h"
#include "model/core/stopwatch.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <thread>
#include <vector>

namespace vlm {
namespace {

// Far beyond any cache, also when several threads share it.
constexpr size_t kWords = size_t{32} << 20;

/// Best of a few readings: whatever interrupts makes one slower, never faster.
double read_rate(int threads) {
  static const std::vector<uint64_t> words(kWords, 1);
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      std::vector<std::thread> readers;
      for (size_t i = 0; i < sums.size(); ++i)
        readers.emplace_back([&, i] {
          const auto begin = words.begin() + static_cast<std::ptrdiff_t>(kWords * i / sums.size());
          const auto end =
              words.begin() + static_cast<std::ptrdiff_t>(kWords * (i + 1) / sums.size());
          sums[i] = std::accumulate(begin, end, uint64_t{0});
        });
      for (std::thread &reader : readers)
        reader.join();
    }
    // The sums are used, so that no reading is left out.
    const uint64_t sum = std::accumulate(sums.begin(), sums.end(), uint64_t{0});
    best = std::max(best, static_cast<double>(sum * sizeof(uint64_t)) / seconds);
  }
  return best;
}

constexpr int64_t m = 640, n = 4096, k = 4096;

/// Operations per second of `multiply`, which does one product of m x n x k.
template <typename Multiply> double product_rate(const Multiply &multiply) {
  double best = 0;
  for (int round = 0; round < 2; ++round) {
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      multiply();
    }
    best = std::max(best, 2.0 * m * n * k / seconds);
  }
  return best;
}

double float32_rate() {
  static const std::vector<float> a(m * k, 1), b(k * n, 1);
  static std::vector<float> c(m * n);
  return product_rate([] { gemm(m, n, k, 1, {a.data(), k}, {b.data(), n}, 0, c.data(), n); });
}

double bfloat16_rate() {
  constexpr uint16_t kOne = 0x3f80;
  static const std::vector<uint16_t> a(m * k, kOne), b(k * n, kOne);
  static std::vector<float> c(m * n);
  return product_rate([] { gemm_bf16(m, n, k, a.data(), b.data(), c.data()); });
}

/// "52.1 (50.3 to 53.0)"
std::string in_billions(const nlohmann::json &spread) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f (%.1f to %.1f)", spread["median"].get<double>() / 1e9,
                spread["min"].get<double>() / 1e9, spread["max"].get<double>() / 1e9);
  return text;
}

} // namespace

void MachineProbes::take(int threads) {
  rates_["read"].push_back(read_rate(threads));
  rates_["float32"].push_back(float32_rate());
  if (cpu_has_bf16())
    rates_["bfloat16"].push_back(bfloat16_rate());
}

std::string machine_line(const nlohmann::json &figures, int threads) {
  std::string line = "machine, " + std::to_string(threads) + " threads: reads " +
                     in_billions(figures["read"]) + " GB/s";
  for (const std::string format : {"float32", "bfloat16"})
    if (figures.contains(format))
      line += ", " + format + " products " + in_billions(figures[format]) + " GFLOP/s";
  return line;
}

} // namespace vlm
