// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/job.h"

#include "gst-plugin/caption/picturefit.h"
#include "model/core/evenly.h"

#include <utility>

namespace gstvlm
{

GstClockTime
Job::age () const
{
  return std::chrono::nanoseconds (Clock::now () - admitted).count ();
}

std::string
Job::message () const
{
  return vlm::user_message (record.question, "", request.generate);
}

void
Job::give_images (const vlm::ModelInfo &info)
{
  const LatePictures all = std::exchange (images, {});
  const std::vector<GstClockTime> frames = std::move (record.frames);
  const std::vector<size_t> places = vlm::evenly (all.size (),
      pictures_that_fit (info, all.size (), text_bytes, record.max_tokens));
  images_left_out = all.size () - places.size ();
  record.frames.clear ();
  LatePictures kept;
  for (const size_t place : places) {
    record.frames.push_back (frames[place]);
    kept.push_back (all[place]);
  }
  request.make_images = [kept = std::move (kept)] {
    std::vector<vlm::Image> made;
    for (const std::shared_ptr<LatePicture> &each : kept)
      made.push_back (*each->image ());
    return made;
  };
}

void
Job::drop ()
{
  request.cancel.cancel ();
  request = vlm::Request ();
  images.clear ();
  kind = Kind::Settled;
  running = false; // what the model still says about it is ignored
  record.status = Status::Dropped;
}

void
Job::fail (std::exception_ptr why)
{
  kind = Kind::Settled;
  record.status = status_of (why);
  error = std::move (why);
}

} // namespace gstvlm
