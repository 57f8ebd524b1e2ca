// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/deliverer.h"
#include "gst-plugin/picture/latepicture.h"
#include "model/engine/engine.h"

#include <gst/gst.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace gstvlm
{

/// Lets the model look at pictures ahead of the questions about them. One is
/// with the model at a time, a few wait, the oldest makes room: whoever asks
/// about a picture that was not looked at makes the model look.
///
/// Any thread may call any member. Nobody waits for the model here.
class Looker : public std::enable_shared_from_this<Looker>
{
public:
  struct Counters {
    guint64 looked = 0, dropped = 0, failed = 0;
  };

  /// Hears of a look that failed, without any lock held; must not throw.
  using Failed = std::function<void (std::exception_ptr error)>;

  explicit Looker (Failed failed) : failed_ (std::move (failed)) {}

  void start ();
  /// Forgets everything, and lets `failed` return, see Deliverer.
  void stop ();
  void set_worker (std::shared_ptr<vlm::Worker> worker);
  void drop_worker ();

  void look (std::shared_ptr<LatePicture> picture,
      std::shared_ptr<vlm::PictureMemory> memory);
  /// Gives up what waits and what runs.
  void flush ();

  Counters counters () const;

private:
  struct Look {
    guint64 serial;
    vlm::Request request;
  };

  void forget ();
  void submit_next ();
  void complete (guint64 serial, std::exception_ptr error);

  const Failed failed_;

  mutable std::mutex mutex_;
  Deliverer deliverer_;    ///< of failures
  std::deque<Look> looks_; ///< the first one is with the model when `running_`
  std::shared_ptr<vlm::Worker> worker_;
  Counters counters_;
  guint64 last_serial_ = 0;
  bool started_ = false, running_ = false;
};

} // namespace gstvlm
