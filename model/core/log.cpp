// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/log.h"

#include <mutex>

namespace vlm {
namespace {

std::mutex mutex;

LogSink &sink() {
  static LogSink instance;
  return instance;
}

} // namespace

void set_log_sink(LogSink replacement) {
  std::lock_guard<std::mutex> lock(mutex);
  sink() = std::move(replacement);
}

void log_line(LogLevel level, const std::string &line) {
  LogSink current;
  {
    std::lock_guard<std::mutex> lock(mutex);
    current = sink();
  }
  if (current)
    current(level, line);
}

} // namespace vlm
