"""Arrays as PNG pictures inside the page."""

import base64
import io
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from signbit.report._html import element

# The colours of -1 and +1. Colour-blind people can distinguish them, on white and on black.
MINUS, PLUS = (240, 160, 75), (49, 104, 189)
GAP = 255
_WIDEST = 640
_LARGEST_PHOTO = 128
_PHOTO = 96


def bitmap(bits: NDArray[np.uint8], alt: str, scale: int = 10) -> Element:
    """Bits as a picture: 0 is -1, 1 is +1, GAP is transparent.

    scale: the most pixels of the screen for one bit. If the picture would be too wide, there are
        fewer.

    Shape:  (height, width) uint8.
    """
    image = Image.fromarray(np.where(bits == GAP, 2, bits).astype(np.uint8), "P")
    image.putpalette([*MINUS, *PLUS, 0, 0, 0])
    size = max(1, min(scale, _WIDEST // bits.shape[1]))
    return _image(image, alt, size * bits.shape[1], "bits", transparency=2)


def photo(pixels: NDArray[np.uint8], alt: str, width: int = _PHOTO) -> Element:
    """A grey or RGB picture.  Shape: (H, W, 1 or 3) uint8."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    large = max(image.size) > _LARGEST_PHOTO
    if large:
        image.thumbnail((_LARGEST_PHOTO, _LARGEST_PHOTO))
    return _image(image, alt, width, "photo" if large else "photo bits")


def _image(image: Image.Image, alt: str, width: int, class_: str, **options: int) -> Element:
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True, **options)
    source = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    height = max(1, round(width * image.height / image.width))
    return element("img", src=source, alt=alt, width=width, height=height, class_=class_)


def tiled(
    tiles: NDArray[np.bool_] | NDArray[np.uint8], columns: int, gap: int = 1
) -> NDArray[np.uint8]:
    """Tiles in rows of `columns`, with gaps between them.

    Shape:  tiles (N, H, W), result (height, width).
    """
    count, height, width = tiles.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    picture = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), GAP, np.uint8)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        picture[top : top + height, left : left + width] = tile
    return picture
