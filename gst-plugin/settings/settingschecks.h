// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <string>

namespace gstvlm
{

struct GenerateSettings;
struct Settings;

/// Throw Error(Settings) naming the properties that contradict each other, are
/// malformed or missing.
void check (const Settings &settings);
void check (const GenerateSettings &settings);
/// Throws Error(Settings) when this cannot be asked, naming the property.
void check_question (const char * property, const std::string &question);
/// Error(Settings) when the property ocr cannot be had.
void check_ocr (const vlm::Engine &engine);

} // namespace gstvlm
