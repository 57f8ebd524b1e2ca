// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/elements/gstvlmcaption.h"

namespace gstvlm
{

/// What the action signals of vlmcaption do.
struct CaptionActions {
  guint64 (*ask) (GstVlmCaption * self, const gchar * question);
  guint64 (*ask_at) (GstVlmCaption * self, const gchar * question, guint64 pts);
  void (*cancel) (GstVlmCaption * self, guint64 id);
};

/// Called once, when the class is set up, and before the others.
void install_signals (
    GstVlmCaptionClass * klass, const CaptionActions &actions);

/// Call these without holding any lock.
void emit_caption (GstVlmCaption * self, const GstStructure * record);
void emit_answer (GstVlmCaption * self, guint64 id, const gchar * text);

} // namespace gstvlm
