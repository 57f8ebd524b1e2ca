// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"

#include <vector>

namespace gstvlm
{

/// The caption metas of a frame, in the order in which they were attached: one
/// of every captioner that the frame came through. They live as long as the
/// frame.
std::vector<const GstStructure *> caption_metas (GstBuffer * frame);

/// The records of one caption meta: those of its field `records`, or the one
/// that the meta itself is. They live as long as the meta.
std::vector<const GstStructure *> records_of (const GstStructure * meta);

/// True for the first frame that carries the records of this meta, not for
/// those that hold them.
bool is_fresh (const GstStructure * meta);

/// The record that travels as an event, null for any other event; it lives as
/// long as the event.
const GstStructure * record_of (GstEvent * event);

/// A copy with only what belongs to the record, whichever way it came: nothing
/// of the frame that carries it.
Ptr<GstStructure> bare_record (const GstStructure * record);

/// GST_CLOCK_TIME_NONE if there is no such field.
GstClockTime time_of (const GstStructure * record, const char * field);

} // namespace gstvlm
