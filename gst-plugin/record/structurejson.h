// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>
#include <nlohmann/json.hpp>

#include <string>

namespace gstvlm
{

/// The fields of a structure as one JSON object: integers stay integers,
/// structures become objects, arrays and lists become arrays. Fields of other
/// types, and numbers that JSON has no word for, are left out.
nlohmann::ordered_json to_json (const GstStructure * structure);

/// The same on a line of its own, with its newline.
std::string to_json_line (const GstStructure * structure);

} // namespace gstvlm
