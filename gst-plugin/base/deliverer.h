// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace gstvlm
{

/// The one thread that hands out what a queue has finished, and so runs the
/// application's handlers. All members are for whoever holds the queue's mutex.
class Deliverer
{
public:
  bool busy () const { return thread_ != std::thread::id (); }

  /// The calling thread is it, while nobody is; the mutex is held at either
  /// end.
  class Turn
  {
  public:
    explicit Turn (Deliverer &deliverer) : deliverer_ (deliverer)
    {
      deliverer_.thread_ = std::this_thread::get_id ();
    }
    ~Turn ()
    {
      deliverer_.thread_ = std::thread::id ();
      deliverer_.ended_.notify_all ();
    }
    Turn (const Turn &) = delete;

  private:
    Deliverer &deliverer_;
  };

  /// Without the mutex, while handlers run.
  class Unlocked
  {
  public:
    explicit Unlocked (std::unique_lock<std::mutex> &lock) : lock_ (lock)
    {
      lock_.unlock ();
    }
    ~Unlocked () { lock_.lock (); }
    Unlocked (const Unlocked &) = delete;

  private:
    std::unique_lock<std::mutex> &lock_;
  };

  /// Waits until another thread's handlers have returned, so that the
  /// application may let go what they use. Not for ever: a handler may be
  /// waiting for whoever waits here, to change the element's state itself.
  void wait (std::unique_lock<std::mutex> &lock)
  {
    constexpr std::chrono::milliseconds kPatience (100);
    ended_.wait_for (lock, kPatience,
        [this] { return !busy () || thread_ == std::this_thread::get_id (); });
  }

private:
  std::thread::id thread_;
  std::condition_variable ended_;
};

} // namespace gstvlm
