# SPDX-License-Identifier: LGPL-2.1-or-later
"""From an icon, an SVG or a picture file to a trimmed RGBA sprite."""

import functools
import json
import struct

import cairo
import gi
from PIL import Image, ImageDraw, ImageFont

gi.require_version("Rsvg", "2.0")
from gi.repository import Rsvg  # noqa: E402  (the version must be named first)

SIDE = 160  # longer side of a sprite
BACKGROUND = 320  # shorter side of a background
CANVAS = 480  # drawings are made larger, then trimmed and reduced
OPAQUE = 10  # alpha below this does not count for the extent


def _surface_to_image(surface):
    data = bytes(surface.get_data())
    size = (surface.get_width(), surface.get_height())
    return Image.frombuffer("RGBA", size, data, "raw", "BGRa", surface.get_stride(), 1)


def draw_svg(text, side=CANVAS):
    handle = Rsvg.Handle.new_from_data(text.encode())
    box = Rsvg.Rectangle()
    box.x = box.y = 0
    box.width = box.height = side
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, side, side)
    handle.render_document(cairo.Context(surface), box)
    surface.flush()
    return _surface_to_image(surface)


def trim(image):
    """Cuts to the opaque extent and scales its longer side to SIDE; None if nothing is opaque."""
    image = image.convert("RGBA")
    box = image.getchannel("A").point(lambda a: 255 if a >= OPAQUE else 0).getbbox()
    if box is None:
        return None
    image = image.crop(box)
    scale = SIDE / max(image.size)
    size = tuple(max(1, round(length * scale)) for length in image.size)
    return image.resize(size, Image.Resampling.LANCZOS)  # Pillow premultiplies RGBA itself


@functools.lru_cache(maxsize=4)
def _icon_set(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _icon_svg(icons, name):
    seen = name
    while seen not in icons["icons"]:
        seen = icons.get("aliases", {})[seen]["parent"]
    icon = icons["icons"][seen]
    left, top, width, height = (
        icon.get(key, icons.get(key, default))
        for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'color="#fff" width="{width}" height="{height}" '
        f'viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
    )


def draw_icon(path, name):
    """One icon of an icon set. Parts without a colour of their own become white."""
    return draw_svg(_icon_svg(_icon_set(path), name))


def draw_file(path):
    if path.suffix == ".svg":
        return draw_svg(path.read_text(encoding="utf-8", errors="replace"))
    with Image.open(path) as image:
        return image.convert("RGBA")


def whiten(image):
    """A one-colour drawing as a mask: white, the drawing is in the alpha."""
    white = Image.new("RGBA", image.size, (255, 255, 255, 0))
    white.putalpha(image.getchannel("A"))
    return white


def draw_glyph(path, codepoint):
    """One glyph of a font, as a mask. A missing glyph looks like that of a non-character."""
    font = ImageFont.truetype(str(path), CANVAS // 2)
    character = chr(int(codepoint, 16))
    if bytes(font.getmask(character)) == bytes(font.getmask("\uffff")):
        raise KeyError(codepoint)
    mask = Image.new("L", (CANVAS, CANVAS), 0)
    middle = (CANVAS // 2, CANVAS // 2)
    ImageDraw.Draw(mask).text(middle, character, fill=255, font=font, anchor="mm")
    image = Image.new("RGBA", mask.size, (255, 255, 255, 0))
    image.putalpha(mask)
    return image


def picture(package, layout, name):
    """layout: icons:FILE.json, glyphs:FONT (names are code points) or files:FOLDER."""
    form, place = layout.split(":")
    if form == "icons":
        return draw_icon(package / place, name)
    if form == "glyphs":
        return draw_glyph(package / place, name)
    for suffix in (".svg", ".png", ".webp"):
        path = package / place / f"{name}{suffix}"
        if path.is_file():
            return draw_file(path)
    raise KeyError(name)


def _gimp_pattern(data):
    """The format: sizes as big-endian words, a name, then rows of pixels."""
    header, _, width, height, channels = struct.unpack(">5I", data[:20])
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    return Image.frombytes(mode, (width, height), data[header : header + width * height * channels])


def _tile(image, side):
    """Patterns repeat without a seam."""
    columns, lines = (-(-side // length) for length in image.size)
    tiled = Image.new("RGB", (image.width * columns, image.height * lines))
    for x in range(columns):
        for y in range(lines):
            tiled.paste(image, (x * image.width, y * image.height))
    return tiled


def background(path):
    """An RGB picture with a shorter side of BACKGROUND."""
    if path.suffix == ".pat":
        return _tile(_gimp_pattern(path.read_bytes()).convert("RGB"), BACKGROUND)
    if path.suffix == ".svg":
        image = draw_svg(path.read_text(encoding="utf-8"), 3 * BACKGROUND)
        image = image.crop(image.getbbox()).convert("RGB")  # the square around it is empty
    else:
        with Image.open(path) as image:
            image = image.convert("RGB")
    scale = BACKGROUND / min(image.size)
    size = tuple(round(length * scale) for length in image.size)
    return image.resize(size, Image.Resampling.LANCZOS)
