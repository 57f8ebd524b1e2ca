// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/phrasing.h"

#include <array>
#include <vector>

namespace vlm::scenes {

constexpr std::array<Ask, 14> all_asks = {Ask::Caption, Ask::YesNo,  Ask::YesNoMass, Ask::Count,
                                          Ask::Color,   Ask::Where,  Ask::WhatAt,    Ask::Rel,
                                          Ask::Read,    Ask::ReadAt, Ask::Draw,      Ask::DrawText,
                                          Ask::WhereIt, Ask::ColorIt};

/// Patterns beside the standard sentences; [a|b] is a choice.
const std::vector<const char *> &training_patterns(Ask ask);

} // namespace vlm::scenes
