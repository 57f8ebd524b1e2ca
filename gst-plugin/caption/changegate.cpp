// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/changegate.h"

#include <cstdlib>

namespace gstvlm
{
namespace
{

// Of 255. The mean of a cell stays within this under a camera's noise.
constexpr int kVisible = 10;

} // namespace

double
ChangeGate::changed (const LumaGrid &now) const
{
  if (!analysed_)
    return 1;
  int moved = 0;
  for (size_t i = 0; i < now.size (); ++i)
    moved += std::abs (now[i] - (*analysed_)[i]) > kVisible;
  return static_cast<double> (moved) / static_cast<double> (now.size ());
}

bool
ChangeGate::silent_too_long (GstClockTime pts, GstClockTime max_silence) const
{
  const GstClockTime age =
      pts > analysed_pts_ ? pts - analysed_pts_ : analysed_pts_ - pts;
  return max_silence > 0 && age >= max_silence;
}

void
ChangeGate::accept (const LumaGrid &now, GstClockTime pts)
{
  analysed_ = now;
  analysed_pts_ = pts;
}

} // namespace gstvlm
