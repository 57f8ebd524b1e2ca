// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tests/support/harness.h"

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace vlm::test {

/// Takes its time with the first message of a type that an element posts, on the thread that posts
/// it. Must outlive whoever may post.
class SlowHandler {
public:
  SlowHandler(GstElement *element, GstMessageType type,
              std::chrono::milliseconds time = std::chrono::milliseconds(30))
      : type_(type), time_(time), bus_(gst_element_get_bus(element)) {
    gst_bus_set_sync_handler(bus_.get(), handle, this, nullptr);
  }
  void wait_entered() { entered_.get_future().wait(); }
  bool returned() const { return returned_; }

private:
  static GstBusSyncReply handle(GstBus *, GstMessage *message, gpointer data) {
    auto *self = static_cast<SlowHandler *>(data);
    if (GST_MESSAGE_TYPE(message) == self->type_ && !self->seen_.exchange(true)) {
      self->entered_.set_value();
      std::this_thread::sleep_for(self->time_);
      self->returned_ = true;
    }
    return GST_BUS_PASS;
  }

  GstMessageType type_;
  std::chrono::milliseconds time_;
  Own<GstBus> bus_;
  std::promise<void> entered_;
  std::atomic<bool> seen_{false}, returned_{false};
};

} // namespace vlm::test
