// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/text/gstvlmtextpad.h"
#include "gst-plugin/text/stickyevents.h"

#include <mutex>

namespace gstvlm
{

/// A sparse pad while there is one, and what a pad that comes late must be told
/// about the stream. Any thread may call any member; only wait_for_room() and
/// flush() may block, and not for long.
class TextOutlet
{
public:
  /// Its stream's id is the video's with `suffix`, which must live on.
  explicit TextOutlet (const char * suffix) : suffix_ (suffix) {}

  /// Takes a reference; false when there is a pad already. The pad starts with
  /// what is sticky of the running stream, up to its EOS.
  bool attach (GstVlmTextPad * pad);
  void detach ();
  Ptr<GstPad> pad () const;

  /// Events of the video; each is passed on in the form that text needs.
  void stream_start (GstEvent * event);
  void flush (GstEvent * event);
  /// Any other: in its place among the texts, at once when not serialised.
  void pass (GstEvent * event);

  guint64 reserve (TextPlace place);
  /// False when nobody reads and the oldest text was dropped.
  bool fill (guint64 ticket, const std::string &text, GstClockTime pts,
      GstClockTime end);
  void release (guint64 ticket);
  void gap (GstClockTime start, GstClockTime end);

  /// Until the pad has room, is flushed, stopped or released.
  void wait_for_room ();
  /// Wakes everybody; the pad's next activation undoes it.
  void stop ();

private:
  TextQueue * queue () const;
  void add (GstEvent * event);

  const char * const suffix_;
  mutable std::mutex mutex_;
  Ptr<GstPad> pad_;
  StickyEvents sticky_;
};

} // namespace gstvlm
