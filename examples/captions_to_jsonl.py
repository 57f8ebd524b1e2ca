#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the captions of a video as JSON lines, without a window.

usage: captions_to_jsonl.py VIDEO >captions.jsonl

Reads the meta that vlmcaption leaves on frames. It is a GstCustomMeta: a structure with a name, which needs
no bindings of its own. A frame that only repeats an older caption says so in the field "state".
"""
import json
import pathlib
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def record_of(buffer):
    """The record that is new on this frame, or None."""
    meta = buffer.get_custom_meta("GstVlmCaptionMeta")
    if meta is None:
        return None
    structure = meta.get_structure()
    if structure.get_string("state") != "fresh":
        return None
    fields = ("pts", "text", "status", "confidence")
    return {name: structure.get_value(name) for name in fields if structure.has_field(name)}


def on_frame(_pad, info):
    record = record_of(info.get_buffer())
    if record is not None:
        print(json.dumps(record), flush=True)
    return Gst.PadProbeReturn.OK


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Gst.init(None)
    pipeline = Gst.parse_launch(
        "uridecodebin name=video ! videoconvert ! vlmcaption name=captioner ! fakesink sync=false")
    pipeline.get_by_name("video").props.uri = pathlib.Path(sys.argv[1]).resolve().as_uri()
    captioner = pipeline.get_by_name("captioner")
    captioner.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, on_frame)

    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        sys.exit(message.parse_error()[0].message)


if __name__ == "__main__":
    main()
