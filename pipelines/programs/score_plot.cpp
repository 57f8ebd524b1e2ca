// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/score_plot.h"

#include "model/core/error.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <set>

namespace vlm {
namespace {

const cv::Scalar kColours[] = {{180, 110, 40}, {50, 140, 220}, {60, 150, 60},
                               {60, 60, 200},  {160, 70, 150}, {120, 120, 120}};
constexpr int kBar = 12, kGap = 10, kLeft = 150, kLength = 600, kTop = 20;

void write(cv::Mat &canvas, const std::string &text, int x, int y) {
  cv::putText(canvas, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, .4, {0, 0, 0}, 1, cv::LINE_AA);
}

} // namespace

void plot_scores(const std::map<std::string, scenes::Scores> &columns, const std::string &path) {
  std::set<std::string> figures;
  for (const auto &[column, scores] : columns)
    for (const auto &[figure, score] : scores)
      figures.insert(figure);
  const int bars = static_cast<int>(columns.size());
  const int group = bars * kBar + kGap;
  cv::Mat canvas(kTop * 2 + static_cast<int>(figures.size()) * group + bars * 18,
                 kLeft + kLength + 80, CV_8UC3, cv::Scalar(255, 255, 255));
  int y = kTop;
  for (const std::string &figure : figures) {
    write(canvas, figure, 8, y + bars * kBar / 2 + 4);
    int index = 0;
    for (const auto &[column, scores] : columns) {
      const auto found = scores.find(figure);
      const int top = y + index * kBar;
      const cv::Scalar &colour = kColours[index++ % 6];
      if (found == scores.end())
        continue;
      const int width = cvRound(found->second.value * kLength);
      cv::rectangle(canvas, cv::Rect(kLeft, top, std::max(width, 1), kBar - 2), colour, cv::FILLED);
      write(canvas, cv::format("%.2f", found->second.value), kLeft + width + 4, top + kBar - 3);
    }
    y += group;
  }
  int index = 0;
  for (const auto &[column, scores] : columns) {
    cv::rectangle(canvas, cv::Rect(kLeft, y, 12, 12), kColours[index++ % 6], cv::FILLED);
    write(canvas, column, kLeft + 20, y + 11);
    y += 18;
  }
  if (!cv::imwrite(path, canvas))
    fail(ErrorCategory::Unreadable, path, ": cannot be written");
}

} // namespace vlm
