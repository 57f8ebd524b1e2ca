// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace vlm::test {

/// An environment variable that is a number.
inline int from_environment(const char *name, int otherwise) {
  const char *value = g_getenv(name);
  return value ? atoi(value) : otherwise;
}

/// What a random sequence does next. The same seed throws the same.
class Dice {
public:
  /// Times leap by up to a thousand times `leap`.
  Dice(guint32 seed, GstClockTime leap)
      : random_(g_rand_new_with_seed(seed), g_rand_free), leap_(leap) {}

  /// From 0 to `end` - 1.
  int below(int end) { return g_rand_int_range(random_.get(), 0, end); }
  bool one_in(int n) { return below(n) == 0; }

  template <typename List> auto &pick(const List &list) {
    return list[static_cast<size_t>(below(static_cast<int>(std::size(list))))];
  }

  /// A time that mostly goes on, but may be none, 0, far ahead or at the end of what counts.
  GstClockTime time() {
    switch (below(6)) {
    case 0:
      return GST_CLOCK_TIME_NONE;
    case 1:
      return 0;
    case 2:
      return G_MAXUINT64 - 1 - static_cast<guint64>(below(3));
    case 3:
      return static_cast<GstClockTime>(below(1000)) * leap_;
    default:
      return now_ += static_cast<GstClockTime>(below(100)) * GST_MSECOND;
    }
  }

private:
  std::unique_ptr<GRand, decltype(&g_rand_free)> random_;
  const GstClockTime leap_;
  GstClockTime now_ = 0;
};

} // namespace vlm::test
