// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_rows.h"

#include "model/compute/quantized_product.h"
#include "model/compute/threads.h"
#include "model/core/machine.h"
#include "model/core/stopwatch.h"
#include "pipelines/programs/machine_probe.h"

#include <ATen/ops/randn.h>

#include <cstdio>
#include <memory>

namespace vlm {
namespace {

using nlohmann::json;

constexpr int64_t kIn = 2048, kOut = 16384;
constexpr int64_t kMatrices = 8; // far more than a cache holds

struct Kind {
  const char *precision;
  Quantization quantization;
  int64_t goal_rows; // that may cost `kMostRatio` times what one does
};
constexpr Kind kKinds[] = {{"int8", Quantization::Int8, 12}, {"int4", Quantization::Int4, 6}};
constexpr double kMostRatio = 1.25;

/// Random matrices of one kind.
class Matrices {
public:
  explicit Matrices(const Kind &kind) : kind_(kind) {
    const auto rows = [](int64_t, int64_t count) { return at::randn({count, kIn}); };
    for (int64_t i = 0; i < kMatrices; ++i)
      matrices_.push_back(std::make_unique<QuantizedWeight>(kind.quantization, kOut, kIn, rows));
  }

  /// Each number of rows once.
  void measure() {
    double one = 0;
    for (const int64_t rows : kRowCounts) {
      const double seconds = product_seconds(rows);
      one = rows == 1 ? seconds : one;
      seconds_[std::to_string(rows)].push_back(seconds);
      ratio_[std::to_string(rows)].push_back(seconds / one);
    }
  }

  json figures() const {
    return {{"rows", spreads(seconds_)},
            {"ratio", spreads(ratio_)},
            {"goal", {{"rows", kind_.goal_rows}, {"ratio", kMostRatio}}}};
  }

private:
  double product_seconds(int64_t rows) const {
    const at::Tensor x = at::randn({rows, kIn});
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      for (const auto &matrix : matrices_)
        quantized_product(x, *matrix, {});
    }
    return seconds / kMatrices;
  }

  const Kind &kind_;
  std::vector<std::unique_ptr<QuantizedWeight>> matrices_;
  std::map<std::string, Samples> seconds_, ratio_;
};

void print_rows(const json &result) {
  for (const auto &[precision, figures] : result["precisions"].items()) {
    std::printf("%s, %d x %d\n", precision.c_str(), result["in"].get<int>(),
                result["out"].get<int>());
    for (const int64_t rows : kRowCounts) {
      json milliseconds = figures["rows"][std::to_string(rows)];
      for (json &each : milliseconds)
        each = each.get<double>() * 1e3;
      std::printf("  %2d rows %s   x %s", static_cast<int>(rows),
                  range_text(milliseconds, 8, 2, " ms").c_str(),
                  range_text(figures["ratio"][std::to_string(rows)], 0, 2).c_str());
      if (figures["goal"]["rows"] == rows)
        std::printf("   goal %.2f", figures["goal"]["ratio"].get<double>());
      std::printf("\n");
    }
  }
}

} // namespace

json bench_rows(int64_t rounds, int threads) {
  set_threads(threads > 0 ? threads : available_threads());
  std::vector<Matrices> all;
  for (const Kind &kind : kKinds)
    all.emplace_back(kind);
  MachineProbes machine(threads);
  for (int64_t round = 1; round <= rounds; ++round)
    for (Matrices &matrices : all) {
      machine.take();
      matrices.measure();
    }
  machine.take();
  json out = {{"in", kIn}, {"out", kOut}, {"machine", machine.figures()}};
  for (size_t i = 0; i < all.size(); ++i)
    out["precisions"][kKinds[i].precision] = all[i].figures();
  print_rows(out);
  return out;
}

} // namespace vlm
