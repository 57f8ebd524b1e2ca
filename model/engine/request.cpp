// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/request.h"

#include <cmath>

namespace vlm {

const char *name(StopReason reason) {
  switch (reason) {
  case StopReason::Eos:
    return "eos";
  case StopReason::Length:
    return "length";
  case StopReason::Cancelled:
    return "cancelled";
  }
  return "unknown";
}

std::optional<double> Result::confidence() const {
  if (token_logprobs.empty())
    return std::nullopt;
  double sum = 0;
  for (double logprob : token_logprobs)
    sum += std::exp(logprob);
  return sum / static_cast<double>(token_logprobs.size());
}

} // namespace vlm
