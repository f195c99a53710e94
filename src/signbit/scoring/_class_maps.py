"""Draw maps of classes as pictures: the classes alone, or their colours over the image."""

import colorsys
import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from signbit.errors import printable
from signbit.files import atomic_write

# The overlay of a small image is enlarged by a whole factor until its side has this length.
SHOWN_SIDE = 320
_MOST_FACTOR = 16
MOST_IN_LEGEND = 24
_LONGEST_NAME = 32
_LINE, _BOX, _FONT = 22, 14, 13
_WEIGHT = 0.5
_GOLDEN_RATIO, _FIRST_HUE = 0.618034, 0.58
# Saturation and value.
_LEVELS = ((0.8, 1.0), (0.9, 0.75), (0.5, 1.0))


def colors(count: int) -> NDArray[np.uint8]:
    """A colour for each class, (count, 3) RGB.

    The colours of neighbouring classes differ clearly: each hue is a golden ratio away from the
    hue before it, and saturation and brightness repeat only after three classes.
    """
    hues = (np.arange(count) * _GOLDEN_RATIO + _FIRST_HUE) % 1
    levels = [_LEVELS[index % len(_LEVELS)] for index in range(count)]
    shades = [colorsys.hsv_to_rgb(hue, *level) for hue, level in zip(hues, levels, strict=True)]
    return np.rint(255 * np.array(shades).reshape(count, 3)).astype(np.uint8)


def write_class_map(path: Path, classes: NDArray[np.int64], count: int) -> None:
    """Write a map of classes as a PNG whose pixels are the indices of the classes.

    The PNG has a palette. If there are more than 256 classes, it is 16-bit grey instead.

    path: the file to write.
    classes: the index of the class of each pixel.
    count: number of classes.

    Shape:  classes (height, width).
    Raises: OutputError where the file cannot be written.
    """
    if count > 256:
        picture = Image.fromarray(classes.astype(np.uint16))
    else:
        picture = Image.fromarray(classes.astype(np.uint8))
        picture.putpalette(colors(256).tobytes())
    _save(path, picture)


def write_overlay(
    path: Path, image: NDArray[np.uint8], classes: NDArray[np.int64], names: Sequence[str]
) -> None:
    """Write an image in grey, with the colours of its classes over it and a legend of the classes.

    A map that is smaller than the image is enlarged to its size without smoothing. The legend shows
    the classes that occur in the map.

    path: the PNG file to write.
    image: the pixels of the image, grey or RGB.
    classes: the index of the class of each place.
    names: the names of all classes.

    Shape:  image (H, W, 1 or 3) uint8, classes (h, w).
    Raises: OutputError where the file cannot be written.
    """
    height, width = image.shape[:2]
    factor = min(math.ceil(SHOWN_SIDE / max(height, width)), _MOST_FACTOR)
    size = (width * factor, height * factor)
    # The colours of classes would be hard to see on an image with colours of its own.
    grey = Image.fromarray(np.broadcast_to(image, (height, width, 3)).copy()).convert("L")
    base = grey.convert("RGB").resize(size, Image.Resampling.NEAREST)
    flat = colors(len(names))[classes]
    over = Image.fromarray(flat).resize(size, Image.Resampling.NEAREST)
    picture = Image.blend(base, over, _WEIGHT)
    _save(path, _with_legend(picture, np.bincount(classes.ravel(), minlength=len(names)), names))


def _with_legend(
    picture: Image.Image, counts: NDArray[np.int64], names: Sequence[str]
) -> Image.Image:
    shown = np.argsort(-counts, kind="stable")[:MOST_IN_LEGEND]
    shown = sorted(int(place) for place in shown if counts[place])
    more = int((counts > 0).sum()) - len(shown)
    lines = [_line(names[place], counts[place] / counts.sum()) for place in shown]
    lines += [f"and {more} more"] if more else []
    font = ImageFont.load_default(_FONT)
    wide = max(int(font.getlength(line)) for line in lines)
    legend = (wide + _BOX + 24, len(lines) * _LINE + 8)
    whole = Image.new("RGB", (picture.width + legend[0], max(picture.height, legend[1])), "white")
    whole.paste(picture)
    draw, left = ImageDraw.Draw(whole), picture.width + 8
    palette = colors(len(names))
    for row, line in enumerate(lines):
        top = 4 + row * _LINE
        if row < len(shown):
            draw.rectangle(
                (left, top + 3, left + _BOX, top + 3 + _BOX),
                tuple(palette[shown[row]].tolist()),
                "gray",
            )
        draw.text((left + _BOX + 8, top + 2), line, "black", font)
    return whole


def _line(name: str, share: float) -> str:
    name = printable(name)
    short = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return f"{short}  {share:.1%}"


def _save(path: Path, picture: Any) -> None:
    content = BytesIO()
    picture.save(content, "PNG")
    atomic_write(path, content.getvalue(), flush=False)
