// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bar_plot.h"

#include "model/core/error.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>

namespace vlm {
namespace {

const cv::Scalar kColours[] = {{180, 110, 40}, {50, 140, 220}, {60, 150, 60},
                               {60, 60, 200},  {160, 70, 150}, {120, 120, 120}};
constexpr int kBar = 12, kGap = 10, kLeft = 190, kLength = 560, kTop = 20, kKey = 18;

void write(cv::Mat &canvas, const std::string &text, int x, int y) {
  cv::putText(canvas, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, .4, {0, 0, 0}, 1, cv::LINE_AA);
}

std::vector<std::string> names_of(const std::vector<BarColumn> &columns) {
  std::vector<std::string> names;
  for (const BarColumn &column : columns)
    for (const auto &[name, value] : column.figures)
      if (std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
  return names;
}

double largest_of(const std::vector<BarColumn> &columns) {
  double largest = 0;
  for (const BarColumn &column : columns)
    for (const auto &[name, value] : column.figures)
      largest = std::max(largest, value);
  return largest;
}

void draw_bar(cv::Mat &canvas, int top, double value, double longest, const cv::Scalar &colour) {
  const int width = longest > 0 ? cvRound(std::min(value / longest, 1.0) * kLength) : 0;
  cv::rectangle(canvas, cv::Rect(kLeft, top, std::max(width, 1), kBar - 2), colour, cv::FILLED);
  write(canvas, cv::format("%.3g", value), kLeft + width + 4, top + kBar - 3);
}

} // namespace

void plot_bars(const std::vector<BarColumn> &columns, double longest, const std::string &path) {
  const std::vector<std::string> names = names_of(columns);
  const double full = longest > 0 ? longest : largest_of(columns);
  const int bars = static_cast<int>(columns.size()), group = bars * kBar + kGap;
  cv::Mat canvas(2 * kTop + static_cast<int>(names.size()) * group + bars * kKey,
                 kLeft + kLength + 80, CV_8UC3, cv::Scalar(255, 255, 255));
  int y = kTop;
  for (const std::string &name : names) {
    write(canvas, name, 8, y + bars * kBar / 2 + 4);
    for (int i = 0; i < bars; ++i)
      for (const auto &[figure, value] : columns[static_cast<size_t>(i)].figures)
        if (figure == name)
          draw_bar(canvas, y + i * kBar, value, full, kColours[i % 6]);
    y += group;
  }
  for (int i = 0; i < bars; ++i, y += kKey) {
    cv::rectangle(canvas, cv::Rect(kLeft, y, 12, 12), kColours[i % 6], cv::FILLED);
    write(canvas, columns[static_cast<size_t>(i)].name, kLeft + 20, y + 11);
  }
  if (!cv::imwrite(path, canvas))
    fail(ErrorCategory::Unreadable, path, ": cannot be written");
}

} // namespace vlm
