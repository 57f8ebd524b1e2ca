// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/picture/framereader.h"
#include "gst-plugin/record/gstvlmrecord.h"
#include "gst-plugin/tokens/tokensmeta.h"

#include <memory>
#include <mutex>

namespace gstvlm
{

/// A frame as a question needs it.
struct AskedPicture {
  vlm::Image image;
  CaptionRecord moment; ///< its times; the rest is not set
  /// What an encoder before us sees in it; may be null.
  std::shared_ptr<const Tokens> tokens;

  /// Questions about the same picture share what the model sees in it: for a
  /// model with these weights.
  std::shared_ptr<vlm::PictureMemory> memory (const std::string &digest) const
  {
    return tokens && tokens->fit (digest) ? tokens->memory : own_memory;
  }

private:
  std::shared_ptr<vlm::PictureMemory> own_memory =
      std::make_shared<vlm::PictureMemory> ();
};

/// Keeps the last frame that came, for questions that may come at any time,
/// also while no frames flow. It costs next to nothing as long as nobody asks:
/// only for a question does a frame become a picture. Any thread.
class NewestFrame
{
public:
  void reset ();
  /// `frame` is what a FrameKeeper gave.
  void keep (
      Ptr<GstBuffer> frame, const GstVideoInfo &info, CaptionRecord moment);

  /// Takes as long as a conversion to RGB; null when there is no frame. Throws
  /// FrameError as FrameReader does.
  std::shared_ptr<const AskedPicture> picture ();

private:
  std::mutex mutex_;
  guint64 count_ = 0; ///< tells frames apart
  Ptr<GstBuffer> buffer_;
  GstVideoInfo info_;
  CaptionRecord moment_;
  std::shared_ptr<const AskedPicture>
      picture_; ///< of this frame, once asked for
};

} // namespace gstvlm
