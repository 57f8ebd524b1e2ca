// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/ask/newestframe.h"

#include <utility>

namespace gstvlm
{

void
NewestFrame::reset ()
{
  Ptr<GstBuffer> dropped; // let go without the lock
  std::lock_guard<std::mutex> lock (mutex_);
  ++count_;
  dropped.swap (buffer_);
  picture_.reset ();
}

void
NewestFrame::keep (
    Ptr<GstBuffer> frame, const GstVideoInfo &info, CaptionRecord moment)
{
  std::lock_guard<std::mutex> lock (mutex_);
  ++count_;
  frame.swap (buffer_);
  info_ = info;
  moment_ = std::move (moment);
  picture_.reset ();
}

std::shared_ptr<const AskedPicture>
NewestFrame::picture ()
{
  std::unique_lock<std::mutex> lock (mutex_);
  if (picture_ || !buffer_)
    return picture_;
  const Ptr<GstBuffer> buffer (gst_buffer_ref (buffer_.get ()));
  const guint64 count = count_;
  FrameReader reader;
  reader.set_info (info_);
  auto picture = std::make_shared<AskedPicture> ();
  picture->moment = moment_;
  picture->tokens = tokens_of (buffer.get ());
  lock.unlock ();

  picture->image = reader.image (buffer.get ());

  lock.lock ();
  if (count != count_)
    return picture;
  if (!picture_) // else another question was faster
    picture_ = std::move (picture);
  return picture_;
}

} // namespace gstvlm
