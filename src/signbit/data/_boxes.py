"""The part of an image that becomes an input: all of it, its centre, or a part a caller draws."""

import math
from collections.abc import Callable

from PIL import Image

# Left, top, right, bottom in pixels of the image. They may lie between two pixels.
Box = tuple[float, float, float, float]
# A function that returns the box for an image of a width and a height.
Choose = Callable[[int, int], Box]

# Pillow first shrinks by a whole factor to this many times the size, and then filters.
_REDUCING_GAP = 2.0


def centre_box(width: int, height: int, size: tuple[int, int], crop: float) -> Box:
    """The box of the image that becomes an input of `size` pixels.

    The image is scaled, with its proportions kept, until it covers `size` / crop, rounded to whole
    pixels. Then `size` pixels are cut from its centre. For 224x224 and a crop of 0.875, the shorter
    side becomes 256.

    size: (height, width) of the input.

    Source: `Resize` and `CenterCrop` of torchvision; the rounding is the same.
    """
    rows, columns = (round(side / crop) for side in size)
    if width * rows <= height * columns:
        scaled_width, scaled_height = columns, columns * height // width
    else:
        scaled_width, scaled_height = rows * width // height, rows
    left, top = round((scaled_width - size[1]) / 2), round((scaled_height - size[0]) / 2)
    across, down = width / scaled_width, height / scaled_height
    return left * across, top * down, (left + size[1]) * across, (top + size[0]) * down


def resized(
    image: Image.Image, size: tuple[int, int], box: Box | None = None, quick: bool = False
) -> Image.Image:
    """The image, or a box of it, resized to `size` (height, width) with a bilinear filter.

    An image that has the size already is returned as it is.

    quick: shrink in two steps, which changes some pixels by a level or two.
    """
    width, height = size[1], size[0]
    if box is None and image.size == (width, height):
        return image
    gap = _REDUCING_GAP if quick else None
    return image.resize((width, height), Image.Resampling.BILINEAR, box, gap)


def shrink_jpeg(image: Image.Image, box: Box, size: tuple[int, int]) -> None:
    """Make Pillow decode a JPEG at 1/2, 1/4 or 1/8 of its size, if that is large enough.

    box: the part of the image that will be resized to `size`, (height, width).
    """
    left, top, right, bottom = box
    across = image.width * size[1] / max(right - left, 1)
    down = image.height * size[0] / max(bottom - top, 1)
    image.draft(image.mode, (math.ceil(across), math.ceil(down)))


def moved(box: Box, old: tuple[int, int], new: tuple[int, int]) -> Box:
    """The box in an image that was decoded smaller. old, new: (width, height) of the image."""
    across, down = new[0] / old[0], new[1] / old[1]
    left, top, right, bottom = box
    return left * across, top * down, min(right * across, new[0]), min(bottom * down, new[1])
