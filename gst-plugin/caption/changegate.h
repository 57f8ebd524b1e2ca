// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/picture/framereader.h"

#include <optional>

namespace gstvlm
{

/// Tells whether a picture differs from the one that was analysed last, by the
/// brightness of a coarse grid. Comparing with the last analysed picture, not
/// with the previous one, lets slow changes add up. Streaming thread only.
class ChangeGate
{
public:
  /// Share of the grid's cells whose brightness moved visibly, 0..1. 1 without
  /// a picture to compare with.
  double changed (const LumaGrid &now) const;

  /// True when the analysed picture is older than `max_silence` (0: never).
  bool silent_too_long (GstClockTime pts, GstClockTime max_silence) const;

  /// `now` is being analysed.
  void accept (const LumaGrid &now, GstClockTime pts);
  void reset () { analysed_.reset (); }

private:
  std::optional<LumaGrid> analysed_;
  GstClockTime analysed_pts_ = 0;
};

} // namespace gstvlm
