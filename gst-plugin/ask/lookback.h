// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/ask/newestframe.h"

#include <condition_variable>
#include <deque>
#include <thread>
#include <vector>

namespace gstvlm
{

/// The last minutes as small pictures, two a second, for questions about a past
/// moment. A thread of its own compresses them. Should it fall behind, the
/// streaming thread helps, so that it does not depend on the machine's speed
/// what is kept; but of live video, which has no time for that, frames are left
/// out. Any thread may call any member but frame(), which is the streaming
/// thread's; nobody waits.
class LookBack
{
public:
  ~LookBack () { stop (); }

  struct Limits {
    GstClockTime span; ///< what is older than the newest by more is let go
    /// Beyond these the oldest go; not counted are frames that are about to be
    /// compressed, four at most.
    guint64 bytes;
    bool live;
  };
  /// Keeps the frame, which a FrameKeeper gave, if it is time.
  void frame (GstBuffer * frame, const GstVideoInfo &info,
      const CaptionRecord &moment, const Limits &limits);
  /// Forgets all.
  void reset ();
  /// Also ends the thread, in the time of one picture.
  void stop ();

  /// The last picture kept at `pts` or before. Throws Error(Failed) when that
  /// moment is outside of what is kept.
  std::shared_ptr<const AskedPicture> at (GstClockTime pts);

private:
  using Lock = std::unique_lock<std::mutex>;
  struct Kept {
    CaptionRecord moment;
    Ptr<GstBuffer> frame; ///< until there is `file`
    GstVideoInfo info;
    std::vector<unsigned char> file;
    bool busy = false; ///< somebody compresses it
  };
  using Entry = std::shared_ptr<Kept>;

  void run ();
  Entry oldest_frame () const;
  size_t frames () const;
  void compress (Lock &lock, const Entry &entry);
  void trim ();
  Entry find (GstClockTime pts) const;

  mutable std::mutex mutex_;
  std::condition_variable wake_; ///< of the thread
  std::deque<Entry> kept_;
  Limits limits_{};
  guint64 bytes_ = 0;
  GstClockTime seen_ = GST_CLOCK_TIME_NONE; ///< end of the last frame
  bool ending_ = false;
  std::thread thread_; ///< streaming thread, or while it is stopped
};

} // namespace gstvlm
