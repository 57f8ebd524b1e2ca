// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/deliverer.h"
#include "gst-plugin/caption/framecaptions.h"
#include "gst-plugin/caption/history.h"
#include "gst-plugin/caption/job.h"
#include "gst-plugin/settings/gstvlmsettings.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gstvlm
{

struct Counters {
  guint64 due = 0, answered = 0, skipped = 0, dropped = 0, failed = 0;
  guint64 flushed = 0; ///< forgotten by a flush or a stop
  guint64 reused = 0;  ///< answered from an encoder's tokens, without a look
  vlm::Reused saved;   ///< by what the model reused
  GstClockTime last_latency = 0, total_latency = 0;
  gsize queue = 0; ///< frames now waiting or being analysed
};

/// Due frames in, records out, in the order of admission. At most one
/// request of this queue is with the worker, so that several elements take
/// turns on one model.
///
/// Any thread may call any member. Records are delivered one at a time by
/// whichever thread finds one finished (the worker's, or the one that admits),
/// without any lock held. Waiters are woken by flush() and stop(), which never
/// wait for the model: they cancel, forget, and ignore what still comes. stop()
/// lets a record's handlers return, see Deliverer.
class CaptionQueue : public std::enable_shared_from_this<CaptionQueue>
{
public:
  /// Hands out a finished job; must not throw. Returns false when its failure
  /// ends the stream.
  using Deliver = std::function<bool (Job &job)>;

  explicit CaptionQueue (Deliver deliver) : deliver_ (std::move (deliver)) {}

  /// Between start() and set_worker() jobs wait for the model. After stop()
  /// nothing is taken in until the next start(), whatever resume() says.
  void start ();
  void stop ();
  void set_worker (std::shared_ptr<vlm::Worker> worker);
  void drop_worker ();

  /// Ends the stream: nothing is admitted any more, all waiters are woken.
  void fail ();
  bool failed () const;

  void flush ();
  void resume ();

  /// Records from before this call do not ride on later frames. Those that
  /// still wait for one are to be taken out first.
  void new_stream ();

  enum class Admission {
    Taken,
    Displaced, ///< taken, and an older one was dropped for it
    Refused,   ///< itself dropped; its record is delivered in its turn
    Flushing,  ///< not taken
    Failed,    ///< not taken
  };
  /// Takes the jobs of one frame in, all or none; `block` waits for room,
  /// drop-oldest makes it. Jobs other than Analyse always have room.
  Admission admit (std::vector<Job> jobs, GstVlmQueuePolicy policy, guint size);
  bool has_room (guint size) const;

  /// Waits until everything admitted so far was delivered. False when flush(),
  /// stop() or fail() ended it.
  bool drain ();

  /// False when a flush or a stop came since the job was admitted: what became
  /// of it concerns nobody.
  bool current (const Job &job) const;

  /// True once when the job that a change gate compares with has failed.
  bool take_reference_lost ();

  Counters counters () const;
  FrameCaptions &captions () { return captions_; }

private:
  using Lock = std::unique_lock<std::mutex>;

  bool halted () const { return flushing_ || stopped_; }
  void forget ();
  bool room (guint size) const;
  void drop (Job &job);
  void drop_all ();
  void drop_frame (std::deque<Job>::iterator job);
  bool drop_oldest ();
  void pump (Lock &lock);
  void submit_next ();
  std::deque<Job>::iterator deliverable ();
  void deliver (Lock &lock, std::deque<Job>::iterator place);
  void settle (Job &job);
  void complete (guint64 epoch, guint64 id,
      const std::unique_ptr<vlm::Result> &result, std::exception_ptr error);

  const Deliver deliver_;
  FrameCaptions captions_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::shared_ptr<vlm::Worker> worker_;
  /// What was said last, by prompt: for Repeat.
  std::map<std::string, CaptionRecord> last_;
  History history_;
  Counters counters_;
  guint64 epoch_ = 0; ///< answers of an older one are ignored
  guint64 stream_ = 0;
  guint64 last_id_ = 0, last_sequence_ = 0;
  Deliverer deliverer_;
  bool failed_ = false;
  bool flushing_ = false, stopped_ = true;
  bool reference_lost_ = false;
};

} // namespace gstvlm
