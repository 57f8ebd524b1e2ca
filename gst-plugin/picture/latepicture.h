// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/picture/framereader.h"

#include <memory>
#include <mutex>
#include <optional>

namespace gstvlm
{

/// A frame, or a part of one, that becomes a picture when its turn with the
/// model comes: conversion to RGB takes milliseconds, which the streaming
/// thread of live video does not have, and most frames that wait are never
/// looked at. Any thread.
class LatePicture
{
public:
  /// `frame` is what a FrameKeeper gave.
  LatePicture (Ptr<GstBuffer> frame, const GstVideoInfo &info,
      std::optional<Rectangle> part = std::nullopt);

  /// Converts at the first call, and lets the frame go. Throws FrameError as
  /// FrameReader does.
  std::shared_ptr<const vlm::Image> image ();

private:
  std::mutex mutex_;
  Ptr<GstBuffer> buffer_;
  GstVideoInfo info_;
  std::optional<Rectangle> part_;
  std::shared_ptr<const vlm::Image> image_;
};

using LatePictures = std::vector<std::shared_ptr<LatePicture>>;

} // namespace gstvlm
