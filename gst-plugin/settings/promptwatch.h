// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"
#include "gst-plugin/settings/gstvlmsettings.h"

namespace gstvlm
{

constexpr const char * kPromptMessage = "vlmcaption/prompt-changed";

/// Notices when prompts that were set while running are asked for the first
/// time. Streaming thread only.
class PromptWatch
{
public:
  /// What is set now is no change.
  void reset (const Settings &settings) { asked_ = settings.prompt_version; }

  /// True until the present prompts were asked.
  bool changed (const Settings &settings) const
  {
    return settings.prompt_version != asked_;
  }

  /// The moment at `pts` is asked. What to post about it, once per change.
  Ptr<GstStructure> asked (const Settings &settings, GstClockTime pts);

private:
  guint64 asked_ = 0;
};

} // namespace gstvlm
