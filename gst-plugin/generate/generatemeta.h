// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/generate/promptqueue.h"

namespace gstvlm
{

/// Registers the custom meta `GstVlmGenerateMeta`. It has no tags: it stays on
/// pictures that are scaled or converted.
void register_generate_meta ();

/// Writes on a picture what it was painted from: `prompt` and `negative-prompt`
/// (strings), `seed` and `id` (guint64), `steps` (uint), `guidance` (double),
/// `model` (string), `pts` (guint64, the prompt's, absent when it had none) and
/// `cut-tokens` (guint64, of the prompt, absent when there was room for all).
/// The buffer must be writable.
void add_generate_meta (GstBuffer * buffer, const Prompt &prompt,
    const vlm::Painting &painting, const std::string &model);

} // namespace gstvlm
