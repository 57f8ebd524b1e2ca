// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pipelines/programs/bar_plot.h"

#include <nlohmann/json.hpp>

namespace vlm {

// What is drawn of a command's figures: seconds (stages, captions, questions, parts of a picture),
// times what one row costs (rows), tokens a second (peers), captions a second (streams, drafting),
// shares (quality), or milliseconds (video). `figures`: as the command gives them.
using Bars = std::vector<BarColumn>;

Bars stage_bars(const nlohmann::json &figures);
Bars caption_bars(const nlohmann::json &figures);
Bars question_bars(const nlohmann::json &figures);
Bars stream_bars(const nlohmann::json &figures);
Bars drafting_bars(const nlohmann::json &figures);
Bars quality_bars(const nlohmann::json &figures);
Bars peer_bars(const nlohmann::json &figures);
Bars rows_bars(const nlohmann::json &figures);
Bars paint_bars(const nlohmann::json &figures);
Bars video_bars(const nlohmann::json &figures);

} // namespace vlm
