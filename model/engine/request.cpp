// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/request.h"

#include "model/core/error.h"

#include <cmath>
#include <sstream>

namespace vlm {

Reuse parse_reuse(const std::string &names) {
  Reuse reuse{false, false, false, false};
  std::istringstream in(names == "none" ? "" : names);
  for (std::string name; std::getline(in, name, '+');)
    if (name == "draft")
      reuse.draft = true;
    else if (name == "prefix")
      reuse.prefix = true;
    else if (name == "vision")
      reuse.vision = true;
    else if (name == "batch")
      reuse.batch = true;
    else
      fail(ErrorCategory::Settings, "reuse ", names, ": \"", name,
           "\" is not draft, prefix, vision or batch");
  return reuse;
}

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
