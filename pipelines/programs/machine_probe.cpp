// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/machine_probe.h"

#include "model/compute/gemm.h"
#include "model/compute/threads.h"
#include "model/core/machine.h"
#include "model/core/stopwatch.h"
#include "pipelines/programs/peak_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <new>
#include <numeric>
#include <sys/mman.h>
#include <thread>

namespace vlm {
namespace {

/// Numbers that go back to the system with their owner, which malloc's may not.
template <typename Number> class Pages {
public:
  Pages(size_t count, Number value) : count_(count) {
    void *pages = mmap(nullptr, count * sizeof(Number), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      throw std::bad_alloc();
    data_ = static_cast<Number *>(pages);
    std::fill_n(data_, count, value);
  }
  ~Pages() { munmap(data_, count_ * sizeof(Number)); }
  Pages(const Pages &) = delete;
  Pages &operator=(const Pages &) = delete;
  Number *data() const { return data_; }

private:
  size_t count_;
  Number *data_;
};

// Far beyond any cache, also when several threads share it.
constexpr size_t kWords = size_t{32} << 20;

/// Best of a few readings: whatever interrupts makes one slower, never faster.
double read_rate(int threads) {
  const Pages<uint64_t> words(kWords, 1);
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      std::vector<std::thread> readers;
      for (size_t i = 0; i < sums.size(); ++i)
        readers.emplace_back([&, i] {
          sums[i] = std::accumulate(words.data() + kWords * i / sums.size(),
                                    words.data() + kWords * (i + 1) / sums.size(), uint64_t{0});
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

/// Cycles a second of one core: each addition waits for the one before, and takes one.
double clock_rate() {
  constexpr int64_t kAdditions = int64_t{1} << 24;
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    double seconds = 0;
    uint64_t sum = 0, one = 1;
    asm volatile("" : "+r"(one)); // a constant could be added without waiting
    {
      const Stopwatch watch(seconds);
      for (int64_t i = 0; i < kAdditions; i += 8)
        for (int k = 0; k < 8; ++k) {
          sum += one;
          asm volatile("" : "+r"(sum));
        }
    }
    best = std::max(best, static_cast<double>(kAdditions) / seconds);
  }
  return best;
}

constexpr int64_t m = 640, n = 4096, k = 4096;

/// Operations per second of `multiply`(a, b, c), which does one product of m x n x k.
template <typename A, typename B, typename C, typename Multiply>
double product_rate(A one_a, B one_b, const Multiply &multiply) {
  const Pages<A> a(m * k, one_a);
  const Pages<B> b(k * n, one_b);
  const Pages<C> c(m * n, 0);
  double best = 0;
  for (int round = 0; round < 3; ++round) { // the first one finds everything cold
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      multiply(a.data(), b.data(), c.data());
    }
    best = std::max(best, 2.0 * m * n * k / seconds);
  }
  return best;
}

double float32_rate() {
  return product_rate<float, float, float>(1, 1, [](const float *a, const float *b, float *c) {
    gemm(m, n, k, 1, {a, k}, {b, n}, 0, c, n);
  });
}

double bfloat16_rate() {
  constexpr uint16_t kOne = 0x3f80;
  return product_rate<uint16_t, uint16_t, float>(
      kOne, kOne, [](const void *a, const void *b, float *c) { gemm_bf16(m, n, k, a, b, c); });
}

double int8_rate() {
  return product_rate<uint8_t, int8_t, int32_t>(
      1, 1, [](const uint8_t *a, const int8_t *b, int32_t *c) { gemm_int8(m, n, k, a, b, c); });
}

/// "52.1 GB/s (50.3 before, 53.0 after, 49.9 to 55.1)"
std::string in_billions(const nlohmann::json &reading, const char *unit) {
  const auto billions = [&](const char *field) { return reading[field].get<double>() / 1e9; };
  char text[128];
  std::snprintf(text, sizeof text, "%.1f %s (%.1f before, %.1f after, %.1f to %.1f)",
                billions("median"), unit, billions("before"), billions("after"), billions("min"),
                billions("max"));
  return text;
}

} // namespace

MachineProbes::MachineProbes(int threads) : threads_(threads > 0 ? threads : available_threads()) {}

void MachineProbes::take() {
  set_threads(threads_);
  uncounted([this] {
    rates_["clock"].push_back(clock_rate());
    rates_["read"].push_back(read_rate(threads_));
    rates_["float32"].push_back(float32_rate());
    if (cpu_has_bf16())
      rates_["bfloat16"].push_back(bfloat16_rate());
    rates_["int8"].push_back(int8_rate());
  });
}

std::string MachineProbes::product_name(const std::string &precision) const {
  if (precision == "int4")
    return "int8";
  return rates_.count(precision) ? precision : "float32";
}

nlohmann::json MachineProbes::figures() const {
  nlohmann::json out = spreads(rates_);
  for (const auto &[name, values] : rates_)
    out[name].update({{"before", values.front()}, {"after", values.back()}});
  out["threads"] = threads_;
  return out;
}

std::string machine_line(const nlohmann::json &figures) {
  std::string line = "machine, " + std::to_string(figures["threads"].get<int>()) +
                     " threads: clock " + in_billions(figures["clock"], "GHz") + ", reads " +
                     in_billions(figures["read"], "GB/s");
  for (const std::string format : {"float32", "bfloat16", "int8"})
    if (figures.contains(format))
      line += ", " + format + " products " +
              in_billions(figures[format], format == "int8" ? "GOP/s" : "GFLOP/s");
  return line;
}

} // namespace vlm
