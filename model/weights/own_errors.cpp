// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/own_errors.h"

#include "model/core/error.h"
#include "model/core/machine.h"

#include <c10/util/Exception.h>

#include <charconv>
#include <string>
#include <string_view>

namespace vlm {
namespace {

/// What an allocator of libtorch says that it was asked for; 0 when it is not that.
uint64_t bytes_not_allocated(std::string_view message) {
  constexpr std::string_view kAsked = "tried to allocate ";
  const size_t at = message.find(kAsked);
  if (at == message.npos)
    return 0;
  uint64_t bytes = 0;
  std::from_chars(message.data() + at + kAsked.size(), message.data() + message.size(), bytes);
  return bytes;
}

std::string amount(uint64_t bytes) {
  return bytes < 10'000'000 ? std::to_string(bytes) + " bytes" : gigabytes(bytes);
}

} // namespace

void rethrow_as_own() {
  try {
    throw;
  } catch (const c10::Error &error) {
    const std::string message = error.what_without_backtrace();
    const std::string line = message.substr(0, message.find('\n'));
    if (dynamic_cast<const c10::OutOfMemoryError *>(&error))
      fail(ErrorCategory::Memory, line);
    if (const uint64_t bytes = bytes_not_allocated(message))
      fail(ErrorCategory::Memory, "out of memory: ", amount(bytes), " could not be allocated");
    fail(ErrorCategory::Failed, line);
  }
}

} // namespace vlm
