// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_bars.h"

#include "pipelines/programs/bench_paint.h"
#include "pipelines/programs/bench_rows.h"

namespace vlm {
namespace {

using nlohmann::json;

double median(const json &spread) { return spread["median"].get<double>(); }

std::string counted(const json &run, const char *what) {
  return std::to_string(run[what].get<int>()) + " " + what;
}

/// The sides of a comparison beside each other: what identity and vlmcaption do, say.
Bars sides(const json &figures, const std::vector<const char *> &names,
           const std::vector<const char *> &fields) {
  Bars bars;
  for (const char *name : names) {
    bars.push_back({name, {}});
    for (const char *field : fields)
      bars.back().figures.emplace_back(field, figures[name][field].get<double>());
  }
  return bars;
}

} // namespace

Bars stage_bars(const json &figures) {
  Bars bars;
  for (const auto &[precision, result] : figures["precisions"].items()) {
    bars.push_back({precision + ", s", {}});
    for (const char *stage : {"vision_tower", "vision_tower_aux", "mining", "prefill", "decode"})
      bars.back().figures.emplace_back(stage, median(result["stages"][stage]));
  }
  return bars;
}

Bars caption_bars(const json &figures) {
  Bars bars;
  for (const auto &[precision, result] : figures["precisions"].items())
    bars.push_back({precision + ", s",
                    {{"load", result["load"].get<double>()},
                     {"first caption", result["first"].get<double>()},
                     {"caption", median(result["caption"])}}});
  return bars;
}

Bars question_bars(const json &figures) {
  Bars bars = {{"each alone, s", {}}, {"together, s", {}}};
  for (const json &run : figures["runs"]) {
    bars[0].figures.emplace_back(counted(run, "questions"), median(run["alone"]));
    bars[1].figures.emplace_back(counted(run, "questions"), median(run["together"]));
  }
  return bars;
}

Bars stream_bars(const json &figures) {
  Bars bars = {{"captions a second, beside one stream", {}}};
  for (const json &run : figures["runs"])
    bars[0].figures.emplace_back(counted(run, "streams"), run["ratio"].get<double>());
  return bars;
}

Bars drafting_bars(const json &figures) {
  return sides(figures, {"none", "reuse"}, {"captions_per_second", "decode_ms"});
}

Bars quality_bars(const json &figures) {
  Bars bars;
  for (const auto &[precision, result] : figures["precisions"].items()) {
    bars.push_back({precision + ", beside " + figures["reference"].get<std::string>(),
                    {{"same choices", result["same_choices"].get<double>()}}});
    if (result.contains("same_answers")) // not of a text
      bars.back().figures.emplace_back("same answers", result["same_answers"].get<double>());
  }
  return bars;
}

Bars peer_bars(const json &figures) {
  Bars bars = {{"vlm, tokens a second", {}}, {figures["peer"].get<std::string>(), {}}};
  for (const auto &[precision, pair] : figures["pairs"].items())
    for (const char *work : {"prefill", "decode"}) {
      const std::string name = precision + " " + work;
      bars[0].figures.emplace_back(name, median(pair[work]["vlm"]));
      bars[1].figures.emplace_back(name, median(pair[work]["peer"]));
    }
  return bars;
}

Bars rows_bars(const json &figures) {
  Bars bars;
  for (const auto &[precision, result] : figures["precisions"].items()) {
    bars.push_back({precision + ", beside one row", {}});
    for (const int64_t rows : kRowCounts)
      bars.back().figures.emplace_back(std::to_string(rows) + " rows",
                                       median(result["ratio"][std::to_string(rows)]));
  }
  return bars;
}

Bars paint_bars(const json &figures) {
  Bars bars = {{figures["precision"].get<std::string>() + ", s", {}}};
  if (figures.contains("peer"))
    bars.push_back({figures["peer"].get<std::string>(), {}});
  for (const char *part : kPaintParts) {
    bars[0].figures.emplace_back(part, median(figures[part]));
    if (bars.size() > 1)
      bars[1].figures.emplace_back(part, median(figures["theirs"][part]));
  }
  return bars;
}

Bars video_bars(const json &figures) {
  return sides(figures, {"identity", "vlmcaption"}, {"p50_ms", "p99_ms"});
}

} // namespace vlm
