// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <exception>
#include <mutex>
#include <optional>
#include <string>

namespace gstvlm
{

/// An exception as GStreamer names it.
struct Failure {
  GQuark domain;
  gint code;
  std::string text;
};

/// Never throws. `error` must not be null.
Failure failure_of (const std::exception_ptr &error) noexcept;

/// Posts an error or a warning of the element. Call without holding any lock.
void post_error (GstElement * element, const Failure &failure);
void post_warning (GstElement * element, const Failure &failure);

/// At most one warning a second; those between are counted and told by the
/// next, or by finish(). Any thread.
class Warnings
{
public:
  void reset ();
  void post (GstElement * element, const Failure &failure);
  /// Tells what was held back.
  void finish (GstElement * element);

private:
  std::optional<Failure> take_rest ();

  std::mutex mutex_;
  gint64 posted_ = 0; ///< monotonic time
  guint64 held_back_ = 0;
  Failure last_{};
};

/// Runs `body`, which may throw, on behalf of a C caller: what it throws is
/// posted as an error of the element, and the caller gets `fallback`.
template <typename Value, typename Body>
Value
guard (GstElement * element, Value fallback, Body body) noexcept
{
  try {
    return body ();
  } catch (...) {
    post_error (element, failure_of (std::current_exception ()));
    return fallback;
  }
}

/// As guard(), where a failure ends nothing: it is a warning.
template <typename Value, typename Body>
Value
guard_with_warning (GstElement * element, Value fallback, Body body) noexcept
{
  try {
    return body ();
  } catch (...) {
    post_warning (element, failure_of (std::current_exception ()));
    return fallback;
  }
}

} // namespace gstvlm
