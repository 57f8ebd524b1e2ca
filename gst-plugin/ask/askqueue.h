// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/ask/newestframe.h"
#include "gst-plugin/base/deliverer.h"
#include "model/engine/engine.h"

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <string>

namespace gstvlm
{

/// Questions that are asked at run time, each answered once: by the model, or
/// with the reason why not. They are a client of their own to the model, so
/// that they take turns with the frames that are due; one of them is with it at
/// a time.
///
/// Any thread may call any member, also from a handler of an answer. Records
/// are delivered one at a time by whichever thread finds one finished, without
/// any lock held. Nobody waits for the model here.
class AskQueue : public std::enable_shared_from_this<AskQueue>
{
public:
  static constexpr size_t kMost = 16; ///< questions that may be open

  /// Hands out what became of a question; must not throw.
  using Deliver = std::function<void (const CaptionRecord &record)>;

  explicit AskQueue (Deliver deliver);

  /// Questions are taken between start() and stop(), which tells all that are
  /// open that they are given up, and lets handlers return, see Deliverer.
  void start ();
  void stop ();
  void set_worker (std::shared_ptr<vlm::Worker> worker);
  void drop_worker ();
  /// There will be no model.
  void fail ();

  /// Takes a question; `request` has everything but the pictures, and `prompts`
  /// tells whether generation prompts are passed on. Without a picture it waits
  /// for give(). `id` 0: a free one is chosen. Returns the id, throws Error
  /// when the question is refused.
  guint64 ask (guint64 id, vlm::Request request, bool prompts,
      std::shared_ptr<const AskedPicture> picture = nullptr);
  /// An id that is not open is nobody's.
  void cancel (guint64 id);

  /// Questions that wait for a picture: whether there are any, and what they
  /// wait for, or why it does not come.
  bool waits_for_picture () const;
  void give (std::shared_ptr<const AskedPicture> picture);
  void refuse_pictures (Status status, const std::string &why);

private:
  using Lock = std::unique_lock<std::mutex>;
  using Clock = std::chrono::steady_clock;

  struct Ask {
    guint64 id, serial; // an id may come again
    vlm::Request request;
    bool prompts;
    std::shared_ptr<const AskedPicture> picture;
    CaptionRecord record;
    bool running = false, settled = false;
    Clock::time_point admitted = Clock::now ();

    void settle (Status status, const std::string &why);
    void look_at (std::shared_ptr<const AskedPicture> what);
  };

  void settle_all (Status status, const std::string &why);
  bool open (guint64 id) const;
  guint64 free_id ();
  void pump (Lock &lock);
  void submit_next ();
  void submit (Ask &ask);
  void complete (guint64 serial, const std::unique_ptr<vlm::Result> &result,
      std::exception_ptr error);

  const Deliver deliver_;
  const guint64 client_; ///< of the model's worker

  mutable std::mutex mutex_;
  std::deque<Ask> asks_;
  std::shared_ptr<vlm::Worker> worker_;
  guint64 last_id_ = 0, last_serial_ = 0, last_sequence_ = 0;
  Deliverer deliverer_;
  bool started_ = false, failed_ = false;
};

} // namespace gstvlm
