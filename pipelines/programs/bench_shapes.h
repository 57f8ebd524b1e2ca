// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vlm {

/// Checkpoints of released models' real shapes with random bfloat16 weights, in the released
/// layout: to measure load time, memory and speed with. Their answers mean nothing; their
/// vocabulary is the embedded model's, of which ids beyond are no text.
struct ShapeOptions {
  std::string shape = "MGM-2B"; ///< one of shape_names(), or kPainterShape
  int64_t layers = 0;           ///< of the decoder; 0: all, fewer fit a small machine; not of SDXL
  std::filesystem::path output; ///< directory, made whole or not at all
};

/// A painter in diffusers layout.
inline constexpr const char *kPainterShape = "SDXL";

/// MGM-2B to MGM-34B-HD.
std::vector<std::string> shape_names();

/// The tensors of one of shape_names(), all layers.
std::map<std::string, std::vector<int64_t>> shape_tensors(const std::string &shape);

/// Writes one. Throws Settings for an unknown shape or a number of layers that it has not,
/// Failed when the disk has no room for it (checked before) or the directory exists.
void make_shape(const ShapeOptions &options);

/// Failed when the disk that `directory` is on has no room for so many bytes of weights.
void check_room(const std::filesystem::path &directory, int64_t bytes);

/// The checkpoint to measure with: `model` where that is a directory, else the shape of that name,
/// made once in the user's cache ($XDG_CACHE_HOME/gst-vlm/shapes) and told on standard error.
std::string bench_model(const std::string &model);

/// The same of a painter: kPainterShape is made, too, and an empty name is the embedded one.
std::string bench_painter(const std::string &painter);

} // namespace vlm
