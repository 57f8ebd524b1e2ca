// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>

namespace vlm {

/// How many rows are measured.
inline constexpr int64_t kRowCounts[] = {1, 2, 4, 6, 8, 12, 16, 24, 32};

/// What products of several rows with one matrix cost beside one row's, which decides whether
/// drafts and shared passes pay. The matrices are of 2048 x 16384 (Gemma-2B's gates), and so many
/// that each comes from memory. Every round does each number of rows once in int8 and in int4, with
/// probes before. `threads`: 0 is all that the process may use.
///
/// Returns {"in", "out", "machine", "precisions": {NAME: {"rows": {ROWS: spread of seconds a
/// matrix}, "ratio": {ROWS: spread, in a round, beside one row}, "goal": {"rows", "ratio"}}}}.
nlohmann::json bench_rows(int64_t rounds, int threads);

} // namespace vlm
