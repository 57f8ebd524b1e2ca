// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/settings/gstvlmsettings.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>

namespace gstvlm
{

// What elements of this plugin do alike.

/// The segment of an event; nothing, and an error of the element, when it is
/// not in TIME.
std::optional<GstSegment> time_segment (GstElement * element, GstEvent * event);

/// False when the caps are none of raw video.
bool video_info_of (GstElement * element, GstCaps * caps, GstVideoInfo &info);

/// Has a filter pass all video, however late: the property `qos` of its base
/// class is refused, and `src_event` is video_src_event().
void never_drop_video (GstBaseTransformClass * klass);
/// Handles an event from downstream without what would drop late video.
gboolean video_src_event (GstBaseTransform * trans, GstEvent * event);

/// Adds an element's own latency to what upstream answered, if that is live.
/// Nothing holds what upstream has no room for: the most stays as it is.
void add_latency (GstQuery * query, GstClockTime own);

/// False, and a warning, when the property counts from the next start only and
/// the element runs.
bool may_set (GstElement * element, bool running, const GParamSpec * spec);

/// The settings of an element that runs a model. Any thread.
template <typename Values> class BoxOf
{
public:
  /// From READY to PAUSED on, until PAUSED to READY.
  std::atomic<bool> running{false};

  Values copy () const
  {
    std::lock_guard<std::mutex> lock (mutex_);
    return values_;
  }
  /// Does nothing when may_set() is false.
  void set (GstElement * element, guint property, const GValue * value,
      const GParamSpec * spec)
  {
    if (!may_set (element, running, spec))
      return;
    std::lock_guard<std::mutex> lock (mutex_);
    values_.set (property, value);
  }

private:
  mutable std::mutex mutex_;
  Values values_;
};
using SettingsBox = BoxOf<Settings>;

/// What an element does around its parent's change of state. `open` and `start`
/// may throw: then the state does not change, and an error tells why.
struct StateSteps {
  std::function<void ()> open;  ///< before NULL to READY
  std::function<void ()> start; ///< before READY to PAUSED
  /// Before PAUSED to READY, when the parent has not taken the stream lock yet:
  /// whoever holds it is woken here. Also after a start that the parent failed.
  std::function<void ()> stop;
  std::function<void ()> rest;  ///< after PAUSED to READY; may be empty
  std::function<void ()> close; ///< after READY to NULL
};

GstStateChangeReturn change_state (GstElement * element,
    GstStateChange transition, gpointer parent_class, const StateSteps &steps);

} // namespace gstvlm
