// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/progress_bar.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace vlm {
namespace {

constexpr int kWidth = 30;
constexpr auto kRedraw = std::chrono::milliseconds(100);

} // namespace

std::string clock_text(double seconds) {
  const auto all = static_cast<int64_t>(std::max(seconds, 0.0) + .5);
  char text[32];
  if (all >= 3600)
    std::snprintf(text, sizeof text, "%d:%02d:%02d", static_cast<int>(all / 3600),
                  static_cast<int>(all / 60 % 60), static_cast<int>(all % 60));
  else
    std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(all / 60),
                  static_cast<int>(all % 60));
  return text;
}

ProgressBar::ProgressBar(std::string label, std::string unit, int64_t total, int64_t done)
    : label_(std::move(label)), unit_(std::move(unit)), total_(std::max<int64_t>(total, 1)),
      first_(done), shown_(isatty(STDERR_FILENO) == 1), start_(Clock::now()),
      last_(start_ - kRedraw) {}

ProgressBar::~ProgressBar() { finish(); }

std::string ProgressBar::line(int64_t done, const std::string &note) const {
  const double share =
      std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0);
  const auto full = static_cast<size_t>(share * kWidth);
  const std::chrono::duration<double> spent = Clock::now() - start_;
  const double rate = spent.count() > 0 ? static_cast<double>(done - first_) / spent.count() : 0;
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, " %3d %%  %lld/%lld  %.1f %s/s",
                static_cast<int>(share * 100), static_cast<long long>(done),
                static_cast<long long>(total_), rate, unit_.c_str());
  std::string out = label_ + " [" + std::string(full, '#') +
                    std::string(static_cast<size_t>(kWidth) - full, ' ') + "]" + numbers;
  if (rate > 0 && done < total_)
    out += "  ETA " + clock_text(static_cast<double>(total_ - done) / rate);
  return note.empty() ? out : out + "  " + note;
}

void ProgressBar::update(int64_t done, const std::string &note) {
  if (!shown_ || Clock::now() - last_ < kRedraw)
    return;
  last_ = Clock::now();
  drawn_ = true;
  std::fprintf(stderr, "\r%s\x1b[K", line(done, note).c_str());
  std::fflush(stderr);
}

void ProgressBar::finish() {
  if (drawn_)
    std::fputc('\n', stderr);
  drawn_ = false;
}

void ProgressBar::clear() {
  if (drawn_)
    std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

} // namespace vlm
