// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <sstream>
#include <string>

namespace vlm {

enum class LogLevel { Error, Warning, Info, Debug };

using LogSink = std::function<void(LogLevel, const std::string &)>;

/// Replaces the process-wide receiver of log lines (nothing is printed without one). Call it before
/// other threads log. The sink is called from any thread and must not throw.
void set_log_sink(LogSink sink);

void log_line(LogLevel level, const std::string &line);

/// Logs all `parts` streamed one after the other. Prompts and captions never go here.
template <typename... Parts> void log(LogLevel level, const Parts &...parts) {
  std::ostringstream line;
  (line << ... << parts);
  log_line(level, line.str());
}

} // namespace vlm
