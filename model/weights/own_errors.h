// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace vlm {

/// Throws the exception that is being handled once more; one of libtorch's as an Error of one line:
/// Memory, with how much it was, when something could not be allocated, else Failed.
[[noreturn]] void rethrow_as_own();

/// Runs `body` where exceptions leave the model library.
template <typename Body> auto with_own_errors(Body body) {
  try {
    return body();
  } catch (...) {
    rethrow_as_own();
  }
}

} // namespace vlm
