// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <string>

namespace vlm::test {

/// A camera on the network: every client that connects gets `frames` frames of a test picture at 30
/// a second, as JPEG over RTP, and then the end of the stream. Serves from a thread of its own, on
/// a free port of the loopback device, until it is destroyed.
class RtspServer {
public:
  explicit RtspServer(int frames);
  ~RtspServer();
  RtspServer(const RtspServer &) = delete;
  RtspServer &operator=(const RtspServer &) = delete;

  std::string url() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace vlm::test
