// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/metrics.h"

#include <nlohmann/json_fwd.hpp>

namespace vlm {

/// Metrics as JSON: losses under "loss", right answers' shares under "accuracy".
nlohmann::json to_json(const Metrics &metrics);

/// Appends one line to a file of JSON lines and flushes it. Error(Unreadable) naming the file.
void append_line(const std::string &path, const nlohmann::json &line);

/// Draws the losses and the validation's accuracies of a log over pictures as a PNG.
void plot_log(const std::string &log, const std::string &png);

} // namespace vlm
