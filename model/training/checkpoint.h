// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/learner.h"
#include "model/weights/safetensors.h"

#include <nlohmann/json_fwd.hpp>

namespace vlm {

/// Writes parameters and optimizer state as one safetensors file, atomically, with `state` (what
/// else a later step depends on) in its header. `more`: further tensors.
void write_state(const std::string &path, const Learner &learner, const nlohmann::json &state,
                 const std::vector<std::pair<std::string, at::Tensor>> &more = {});

/// `state` of a file that write_state() wrote. Error(Format) naming any other.
nlohmann::json read_state(const SafetensorsFile &file);

/// Reads parameters and the optimizer's state that begin() made room for. Error(Format) naming the
/// tensor that is missing or has another shape.
void read_learner(Learner &learner, const SafetensorsFile &file);

/// Copies one tensor of the file; errors as read_learner().
void fill(at::Tensor to, const SafetensorsFile &file, const std::string &name);

nlohmann::json describe(const Schedule &schedule);
Schedule read_schedule(const nlohmann::json &from); ///< throws what nlohmann::json throws

} // namespace vlm
