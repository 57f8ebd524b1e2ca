// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/picture/latepicture.h"

#include <utility>

namespace gstvlm
{

LatePicture::LatePicture (Ptr<GstBuffer> frame, const GstVideoInfo &info,
    std::optional<Rectangle> part)
    : buffer_ (std::move (frame)), info_ (info), part_ (part)
{
}

std::shared_ptr<const vlm::Image>
LatePicture::image ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (image_)
    return image_;
  FrameReader reader;
  reader.set_info (info_);
  image_ = std::make_shared<const vlm::Image> (
      part_ ? reader.image (buffer_.get (), *part_)
            : reader.image (buffer_.get ()));
  buffer_.reset ();
  return image_;
}

} // namespace gstvlm
