// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/request.h"

#include <gst/gst.h>
#include <gst/video/video.h>

#include <memory>
#include <mutex>
#include <string>

namespace gstvlm
{

/// Which model an encoder looks with: known once it is loaded. Any thread.
class TokenSource
{
public:
  void set_digest (const std::string &digest)
  {
    std::lock_guard<std::mutex> lock (mutex_);
    digest_ = digest;
  }
  std::string digest () const
  {
    std::lock_guard<std::mutex> lock (mutex_);
    return digest_;
  }

private:
  mutable std::mutex mutex_;
  std::string digest_;
};

/// What a model sees in one frame, or will have seen: a promise, which whoever
/// asks first keeps.
struct Tokens {
  std::shared_ptr<vlm::PictureMemory> memory;
  std::shared_ptr<const TokenSource> source;
  GstClockTime pts;
  GstVideoRectangle visible; ///< crop of the frame; without one empty

  /// For a model with these weights. While the encoder's own is still being
  /// loaded it is taken to be the same.
  bool fit (const std::string &digest) const;
};

/// `GstVlmTokensMeta`, a GstMeta that keeps a reference to the tokens. Its tags
/// (video, size, orientation, colorspace) say what they are true of: they are
/// copied with a frame and stay behind when the picture changes.
void register_tokens_meta ();

/// Fills in `visible`. The buffer must be writable.
void add_tokens_meta (GstBuffer * buffer, Tokens tokens);

/// The picture is going to be another. The buffer must be writable.
void remove_tokens_meta (GstBuffer * buffer);

/// The last tokens that were attached to this very picture; null without any.
std::shared_ptr<const Tokens> tokens_of (GstBuffer * buffer);

} // namespace gstvlm
