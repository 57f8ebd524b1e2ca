// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vlm {

/// A line on standard error that shows how far long work is and when it will end; silent when
/// standard error is no terminal. For one thread.
class ProgressBar {
public:
  /// `unit`: what is counted ("pictures"). `done`: work of earlier runs, which tells nothing of the
  /// speed of this one.
  ProgressBar(std::string label, std::string unit, int64_t total, int64_t done = 0);
  /// Leaves the line as it stands and ends it.
  ~ProgressBar();
  ProgressBar(const ProgressBar &) = delete;
  ProgressBar &operator=(const ProgressBar &) = delete;

  /// Redraws at most ten times a second; `note` is shown behind the bar.
  void update(int64_t done, const std::string &note = {});
  void finish();
  /// Takes the line away.
  void clear();

private:
  using Clock = std::chrono::steady_clock;
  std::string line(int64_t done, const std::string &note) const;

  std::string label_, unit_;
  int64_t total_, first_;
  bool shown_, drawn_ = false;
  Clock::time_point start_, last_;
};

/// "1:02:03" or "2:03".
std::string clock_text(double seconds);

} // namespace vlm
