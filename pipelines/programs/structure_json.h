// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>
#include <nlohmann/json.hpp>

namespace vlm {

/// The fields of a caption record as one JSON object: integers stay integers, structures become
/// objects, arrays and lists become arrays; fields of other types are left out.
nlohmann::ordered_json to_json(const GstStructure *structure);

} // namespace vlm
