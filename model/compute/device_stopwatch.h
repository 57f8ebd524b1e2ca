// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/stopwatch.h"

#include <c10/core/Device.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

namespace vlm {

/// A stopwatch of work on `device`: a GPU goes on by itself with what was launched, and before the
/// end it is waited for.
class DeviceStopwatch {
public:
  DeviceStopwatch(double &seconds, at::Device device) : watch_(seconds), device_(device) {}
  ~DeviceStopwatch() {
    if (!device_.is_cuda())
      return;
    try {
      const c10::impl::VirtualGuardImpl guard(device_.type());
      guard.synchronizeStream(guard.getStream(device_));
    } catch (const c10::Error &) { // whoever uses the results meets it again
    }
  }
  DeviceStopwatch(const DeviceStopwatch &) = delete;
  DeviceStopwatch &operator=(const DeviceStopwatch &) = delete;

private:
  const Stopwatch watch_; // ends last
  const at::Device device_;
};

} // namespace vlm
