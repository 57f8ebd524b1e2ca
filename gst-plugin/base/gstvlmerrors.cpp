// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/base/gstvlmerrors.h"

#include "model/core/error.h"

#include <new>

namespace gstvlm
{
namespace
{

Failure
failure_by_category (const vlm::Error &error)
{
  const std::string text = error.what ();
  switch (error.category ()) {
    case vlm::ErrorCategory::Settings:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, text};
    case vlm::ErrorCategory::NotFound:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, text};
    case vlm::ErrorCategory::Unreadable:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ, text};
    case vlm::ErrorCategory::Format:
    case vlm::ErrorCategory::Unsupported:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, text};
    case vlm::ErrorCategory::Unavailable:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, text};
    case vlm::ErrorCategory::Memory:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT, text};
    case vlm::ErrorCategory::Data:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, text};
    case vlm::ErrorCategory::Cancelled:
    case vlm::ErrorCategory::Failed:
      break;
  }
  return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, text};
}

void
post (GstElement * element, GstMessageType type, const Failure &failure)
{
  gst_element_message_full (element, type, failure.domain, failure.code,
      g_utf8_make_valid (failure.text.c_str (), -1), NULL, __FILE__,
      GST_FUNCTION, __LINE__);
}

} // namespace

Failure
failure_of (const std::exception_ptr &error) noexcept
{
  try {
    std::rethrow_exception (error);
  } catch (const vlm::Error &e) {
    return failure_by_category (e);
  } catch (const std::bad_alloc &) {
    return {
        GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT, "out of memory"};
  } catch (const std::exception &e) {
    return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, e.what ()};
  } catch (...) {
    return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, "unknown exception"};
  }
}

void
post_error (GstElement * element, const Failure &failure)
{
  post (element, GST_MESSAGE_ERROR, failure);
}

void
post_warning (GstElement * element, const Failure &failure)
{
  post (element, GST_MESSAGE_WARNING, failure);
}

void
Warnings::reset ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  posted_ = 0;
  held_back_ = 0;
}

void
Warnings::post (GstElement * element, const Failure &failure)
{
  {
    std::lock_guard<std::mutex> lock (mutex_);
    const gint64 now = g_get_monotonic_time ();
    if (posted_ && now - posted_ < G_USEC_PER_SEC) {
      ++held_back_;
      last_ = failure;
      return;
    }
    posted_ = now;
  }
  finish (element);
  post_warning (element, failure);
}

void
Warnings::finish (GstElement * element)
{
  if (const std::optional<Failure> rest = take_rest ())
    post_warning (element, *rest);
}

std::optional<Failure>
Warnings::take_rest ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (!held_back_)
    return std::nullopt;
  last_.text =
      std::to_string (held_back_) +
      (held_back_ == 1 ? " more warning: " : " more warnings, the last: ") +
      last_.text;
  held_back_ = 0;
  return last_;
}

} // namespace gstvlm
