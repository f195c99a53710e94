"""Make a data set of encoded images: choose size and channels, and read them or leave them."""

import math
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

import numpy as np
from numpy.typing import NDArray

from signbit.data._image import has_color, read_pixels
from signbit.data._image_files import ImageFiles, Source
from signbit.data._types import ImageSet, Request
from signbit.errors import DataError
from signbit.format.preprocessing import MAX_SIDE
from signbit.progress import note

# A set of up to this size is read into memory at once. In a larger set, each image is read when it
# is used.
MAX_ARRAY_BYTES = 2**30


def file_set(
    request: Request,
    source: Source,
    labels: NDArray[np.int64],
    classes: Sequence[str],
    everything: Source | None = None,
) -> ImageSet:
    """The data set of the images in a source.

    source: the images of the split that was requested.
    everything: the images that decide about size and channels, if the request does not; None means
        those of the source.

    Raises: DataError naming a damaged image.
    """
    size, channels = _size_and_channels(source if everything is None else everything, request)
    files = ImageFiles(source, size, channels, request.crop)
    small = request.in_memory and math.prod(files.shape) <= MAX_ARRAY_BYTES
    images = files.read() if small else files
    return ImageSet(f"{request.name}:{request.path}", request.split, images, labels, classes)


def _size_and_channels(everything: Source, request: Request) -> tuple[tuple[int, int], int]:
    size, channels = request.size, request.channels
    if size is not None and channels is not None:
        return size, channels
    first = everything[0]
    height, width, depth = read_pixels(*first).shape
    if size is None and max(height, width) > MAX_SIDE:
        raise DataError(
            f"{first.name}: {width}x{height} pixels; at most {MAX_SIDE} pixels on each side are "
            "allowed; make the image smaller"
        )
    if channels is None:
        channels = 3 if depth == 1 and _any_color(everything) else depth
    return ((height, width) if size is None else size), channels


def _any_color(everything: Source) -> bool:
    """Whether one of the images has color. The first is grey. A note names the one with color."""
    for place in range(len(everything)):
        # An image that cannot be read is reported later, when it is read.
        with suppress(DataError):
            one = everything[place]
            if has_color(*one):
                first = everything[0].name
                _note(f"{one.name} has color, so all images are RGB; the first, {first}, is grey")
                return True
    return False


@cache
def _note(text: str) -> None:
    """Print a note on standard error. The same note, for both splits, is printed once."""
    note(text)
