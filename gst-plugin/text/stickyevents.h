// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"

#include <deque>

namespace gstvlm
{

/// Whether a pad that gets `newer` forgets `older`: it keeps one sticky event
/// of a type, of some types one of a name.
bool is_replaced_by (GstEvent * older, GstEvent * newer);
/// Sticky, and not ended by a flush.
bool survives_flush (GstEvent * event);

/// What somebody who comes late must be told about a stream, in order. Not
/// synchronised.
class StickyEvents
{
public:
  /// A STREAM_START makes all others void, a SEGMENT an EOS.
  void add (Ptr<GstEvent> event);
  /// Forgets what a flush ends.
  void flush ();
  void clear () { events_.clear (); }

  bool has (GstEventType type) const;
  const std::deque<Ptr<GstEvent>> &all () const { return events_; }
  /// The caller owns them now.
  std::deque<Ptr<GstEvent>> take ();

private:
  std::deque<Ptr<GstEvent>> events_;
};

} // namespace gstvlm
