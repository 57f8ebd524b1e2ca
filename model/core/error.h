// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace vlm {

/// What kind of thing went wrong. Callers map it to an exit status or a GStreamer error domain.
enum class ErrorCategory {
  Settings,    ///< an option has an unknown, contradicting or out-of-range value
  NotFound,    ///< a file or directory does not exist
  Unreadable,  ///< it exists but cannot be opened or read
  Format,      ///< its content is not what its name or header says
  Unsupported, ///< a valid file of a kind that this version does not handle
  Memory,      ///< it does not fit into the memory that is left
  Data,        ///< a picture, text or token given for inference is unusable
  Cancelled,   ///< the caller asked to stop
  Failed,      ///< inference or a library failed
  Unavailable, ///< a device, precision or library that this build or machine does not have
};

/// The only exception type that leaves the model library on purpose. what() names the offending
/// file, option or value.
class __attribute__((visibility("default"))) Error : public std::runtime_error {
public:
  Error(ErrorCategory category, const std::string &message)
      : std::runtime_error(message), category_(category) {}
  ErrorCategory category() const noexcept { return category_; }

private:
  ErrorCategory category_;
};

/// Throws an Error whose message is all `parts` streamed one after the other.
template <typename... Parts> [[noreturn]] void fail(ErrorCategory category, const Parts &...parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(category, message.str());
}

} // namespace vlm
