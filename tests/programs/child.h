// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace vlm::test {

/// Two connected file descriptors: what is written to `inner` can be read from `outer`, and, on a
/// terminal, the other way round. Closed at the end of its life.
struct Channel {
  int outer = -1, inner = -1;
  ~Channel();
  Channel(const Channel &) = delete;
  Channel(int read_end, int write_end) : outer(read_end), inner(write_end) {}

  void close_inner();
  std::string read_line(); ///< without its end
  std::string read_all();  ///< until no writer is left
};

Channel make_pipe();
Channel make_terminal();

struct Ended {
  int status;    ///< exit status, 128 + N after signal N
  long peak_kib; ///< largest resident set
};

/// A program that runs beside the test.
class Child {
public:
  /// The descriptors become its standard input, output and error; -1 is /dev/null.
  Child(std::vector<std::string> command, int in, int out, int err);
  void signal(int number) const;
  Ended wait() const;

private:
  pid_t pid_ = -1;
};

} // namespace vlm::test
