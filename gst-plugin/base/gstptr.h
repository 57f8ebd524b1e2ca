// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <memory>

namespace gstvlm
{

struct GstFree {
  void operator() (GstEvent * e) const noexcept { gst_event_unref (e); }
  void operator() (GstMessage * m) const noexcept { gst_message_unref (m); }
  void operator() (GstBuffer * b) const noexcept { gst_buffer_unref (b); }
  void operator() (GstCaps * c) const noexcept { gst_caps_unref (c); }
  void operator() (GstStructure * s) const noexcept { gst_structure_free (s); }
  void operator() (GstVideoConverter * c) const noexcept
  {
    gst_video_converter_free (c);
  }
  void operator() (GstVideoOverlayRectangle * r) const noexcept
  {
    gst_video_overlay_rectangle_unref (r);
  }
  void operator() (GstVideoOverlayComposition * c) const noexcept
  {
    gst_video_overlay_composition_unref (c);
  }
  void operator() (GstPad * p) const noexcept { gst_object_unref (p); }
  void operator() (GstElement * e) const noexcept { gst_object_unref (e); }
};

/// Owns one reference (or the thing itself where it has no count).
template <typename T> using Ptr = std::unique_ptr<T, GstFree>;

/// A video frame mapped for as long as the object lives.
class MappedFrame
{
public:
  MappedFrame (const GstVideoInfo &info, GstBuffer * buffer, GstMapFlags flags)
  {
    mapped_ = gst_video_frame_map (&frame_, &info, buffer, flags);
  }
  ~MappedFrame ()
  {
    if (mapped_)
      gst_video_frame_unmap (&frame_);
  }
  MappedFrame (const MappedFrame &) = delete;
  MappedFrame &operator= (const MappedFrame &) = delete;

  explicit operator bool () const { return mapped_; }
  GstVideoFrame * get () { return &frame_; }

private:
  GstVideoFrame frame_{};
  bool mapped_;
};

/// An element that may be gone by the time somebody has news for it.
class WeakElement
{
public:
  explicit WeakElement (GstElement * element)
  {
    g_weak_ref_init (&ref_, element);
  }
  ~WeakElement () { g_weak_ref_clear (&ref_); }
  WeakElement (const WeakElement &) = delete;
  WeakElement &operator= (const WeakElement &) = delete;

  Ptr<GstElement> lock ()
  {
    return Ptr<GstElement> (static_cast<GstElement *> (g_weak_ref_get (&ref_)));
  }

private:
  GWeakRef ref_;
};

} // namespace gstvlm
