// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/train_log.h"

#include "model/core/error.h"

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <vector>

namespace vlm {
namespace {

struct Curve {
  std::vector<cv::Point2d> points;
  bool smooth = false; // losses are noisy, measured accuracies are not
};
using Curves = std::map<std::string, Curve>;

constexpr int kWidth = 1000, kHeight = 420, kMargin = 50, kLegend = 190;

double rounded(double value) { return std::round(value * 1e5) / 1e5; }

/// Exponential mean, so that a trend shows through the noise.
std::vector<cv::Point2d> smoothed(const std::vector<cv::Point2d> &points) {
  std::vector<cv::Point2d> out = points;
  for (size_t i = 1; i < out.size(); ++i)
    out[i].y = .9 * out[i - 1].y + .1 * out[i].y;
  return out;
}

/// Pictures over all stages: each stage begins where the one before it ended.
void read_log(const std::string &log, Curves &losses, Curves &accuracies) {
  std::ifstream in(log);
  std::string line;
  double base = 0, last = 0;
  nlohmann::json stage;
  while (std::getline(in, line)) {
    const auto item = nlohmann::json::parse(line, nullptr, false);
    if (!item.is_object() || !item.contains("pictures") || !item.contains("metrics"))
      continue;
    if (item.value("stage", nlohmann::json()) != stage) {
      stage = item.value("stage", nlohmann::json());
      base = last;
    }
    last = base + item["pictures"].get<double>();
    const std::string event = item.value("event", "");
    const auto &metrics = item["metrics"];
    if (event == "step")
      for (const char *name : {"loss", "answer", "centre", "cell", "position", "l1", "perceptual"})
        if (metrics["loss"].contains(name)) {
          losses[name].points.emplace_back(last, metrics["loss"][name].get<double>());
          losses[name].smooth = true;
        }
    if (event == "validation")
      for (const auto &[name, value] : metrics["accuracy"].items())
        accuracies[name].points.emplace_back(last, value.get<double>());
    if (event == "validation" && metrics["accuracy"].empty()) // painters have a loss alone
      losses["validation"].points.emplace_back(last, metrics["loss"].value("loss", 0.));
  }
}

void draw(cv::Mat &canvas, int top, const std::string &title, const Curves &curves) {
  static const cv::Scalar colours[] = {{40, 40, 200},  {200, 90, 30}, {40, 150, 40}, {180, 40, 160},
                                       {30, 140, 220}, {90, 90, 90},  {150, 150, 0}, {0, 0, 0}};
  double right = 1, high = 1e-3;
  for (const auto &[name, curve] : curves)
    for (const cv::Point2d &point : curve.points) {
      right = std::max(right, point.x);
      high = std::max(high, std::min(point.y, 12.0));
    }
  const cv::Rect frame(kMargin, top + 30, kWidth - kMargin - kLegend, kHeight - 70);
  cv::rectangle(canvas, frame, {160, 160, 160});
  const auto text = [&](const std::string &what, int x, int y, const cv::Scalar &colour) {
    cv::putText(canvas, what, {x, y}, cv::FONT_HERSHEY_SIMPLEX, .42, colour, 1, cv::LINE_AA);
  };
  text(title, kMargin, top + 20, {0, 0, 0});
  text(cv::format("%.2f", high), 4, frame.y + 10, {0, 0, 0});
  text("0", 30, frame.y + frame.height, {0, 0, 0});
  text(cv::format("%.0f pictures", right), frame.x + frame.width - 110, frame.y + frame.height + 18,
       {0, 0, 0});
  int row = 0;
  for (const auto &[name, curve] : curves) {
    std::vector<cv::Point> line;
    for (const cv::Point2d &p : curve.smooth ? smoothed(curve.points) : curve.points)
      line.emplace_back(frame.x + cvRound(p.x / right * frame.width),
                        frame.y + frame.height - cvRound(std::min(p.y / high, 1.0) * frame.height));
    const cv::Scalar &colour = colours[row % 8];
    cv::polylines(canvas, line, false, colour, 1, cv::LINE_AA);
    text(cv::format("%s %.3f", name.c_str(), curve.points.back().y), frame.x + frame.width + 8,
         frame.y + 12 + 18 * row++, colour);
  }
}

} // namespace

nlohmann::json to_json(const Metrics &metrics) {
  nlohmann::json out = {{"loss", nlohmann::json::object()}, {"accuracy", nlohmann::json::object()}};
  for (const auto &[name, value] : metrics.losses)
    out["loss"][name] = rounded(metrics.loss(name));
  for (const auto &[name, value] : metrics.hits)
    out["accuracy"][name] = rounded(metrics.share(name));
  return out;
}

void append_line(const std::string &path, const nlohmann::json &line) {
  std::ofstream out(path, std::ios::app);
  out << line.dump() << std::endl;
  if (!out)
    fail(ErrorCategory::Unreadable, path, ": cannot append to the log");
}

void plot_log(const std::string &log, const std::string &png) {
  Curves losses, accuracies;
  read_log(log, losses, accuracies);
  cv::Mat canvas(2 * kHeight, kWidth, CV_8UC3, cv::Scalar(255, 255, 255));
  draw(canvas, 0, "training loss", losses);
  draw(canvas, kHeight, "accuracy on the validation style", accuracies);
  if (!cv::imwrite(png, canvas))
    fail(ErrorCategory::Unreadable, png, ": cannot be written");
}

} // namespace vlm
