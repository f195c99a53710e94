"""Read any image file as uint8 pixels of a given size and channel count."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from signbit.data._boxes import Box, Choose, centre_box, moved, resized, shrink_jpeg
from signbit.data._image_memory import mode_in_header, opened
from signbit.data._image_modes import eight_bits, in_mode, is_grey
from signbit.errors import DataError, UsageError
from signbit.files import open_regular
from signbit.format.preprocessing import MAX_SIDE, check_crop

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(
    path: Path | str,
    size: tuple[int, int],
    channels: int,
    exact: bool = False,
    content: bytes | None = None,
    crop: float | None = None,
) -> NDArray[np.uint8]:
    """The pixels of an image file, (height, width, channels) uint8.

    The file may be of any kind and mode that Pillow reads. An animation gives its first frame.
    The EXIF orientation is applied. Alpha is composited on white, but the one transparent colour
    that a PNG of 16-bit RGB may have is ignored. 16-bit grey keeps its high byte.
    The mode of 32-bit integers and of floating-point numbers does not say their range, so the
    values decide: up to 255 they stay as they are (floating point up to 1 is multiplied by 255),
    up to 65535 their high byte is kept. RGB becomes grey by the ITU-R 601 luma. Grey becomes RGB
    by repetition. An image of another size is resized (bilinear); one of this size is not.

    size: (height, width) in pixels.    channels: 1 for grey, 3 for RGB.
    exact: refuse an image of another size.
    content: of the file, where it is in memory already; then `path` only names it in errors.
    crop: as in `Preprocessing`: the centre is cut from the image after it was scaled.

    Raises: DataError naming the file and what is wrong with it, UsageError for a size, crop or
    channel count that is not allowed.
    """
    height, width = check_size(size)
    mode, crop = "L" if check_channels(channels) == 1 else "RGB", check_crop(crop)

    def fitted(image: Image.Image) -> NDArray[np.uint8]:
        image = in_mode(image, mode)
        if exact and image.size != (width, height):
            raise DataError(
                f"{image.height}x{image.width} pixels where {height}x{width} belong; resize it"
            )
        box = None if crop is None else centre_box(*image.size, (height, width), crop)
        return _array(resized(image, (height, width), box), channels)

    return _read(path, fitted, content)


def read_box(
    path: Path | str,
    size: tuple[int, int],
    channels: int,
    choose: Choose,
    content: bytes | None = None,
) -> NDArray[np.uint8]:
    """A part of an image that is drawn for training, (height, width, channels) uint8.

    It is quicker than exact: a JPEG is decoded smaller where that is enough.

    choose: gets width and height of the upright image, as the file has it; returns the box.

    The rest is as in `read_image`.
    """
    mode = "L" if channels == 1 else "RGB"
    drawn: tuple[Box, tuple[int, int]] | None = None

    def shrink(image: Image.Image) -> None:
        nonlocal drawn
        # The box is for the upright image, and decoding is not: a turned image is decoded whole.
        if image.format == "JPEG" and _orientation(image) not in _TURNS:
            drawn = choose(*image.size), image.size
            shrink_jpeg(image, drawn[0], size)

    def cut(image: Image.Image) -> NDArray[np.uint8]:
        box, whole = drawn or (choose(*image.size), image.size)
        box = moved(box, whole, image.size)
        return _array(resized(in_mode(image, mode), size, box, quick=True), channels)

    return _read(path, cut, content, shrink)


def cut_array(pixels: NDArray[np.uint8], choose: Choose) -> NDArray[np.uint8]:
    """A part of an image in memory, (H, W, C), drawn as by `read_box`, with the same shape."""
    height, width, channels = pixels.shape
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    return _array(resized(image, (height, width), choose(width, height), quick=True), channels)


def _array(image: Image.Image, channels: int) -> NDArray[np.uint8]:
    return np.array(image).reshape(image.height, image.width, channels)


def read_pixels(path: Path | str, content: bytes | None = None) -> NDArray[np.uint8]:
    """The pixels as `read_image` gives them, in the image's own size and channel count."""
    return _read(path, lambda image: _array(image, -1), content)


def has_color(path: Path | str, content: bytes | None = None) -> bool:
    """Whether `read_pixels` gives 3 channels; only the header is read.

    Raises: DataError naming the file where it has no readable header.
    """
    with errors_named(path), _file(path, content) as file:
        return not is_grey(mode_in_header(file))


def check_size(size: Any) -> tuple[int, int]:
    """The size, (height, width). Raises: UsageError where it is not allowed."""
    sides = tuple(size) if isinstance(size, Sequence) else ()
    if len(sides) != 2 or not all(type(side) is int and 1 <= side <= MAX_SIDE for side in sides):
        raise UsageError(f"image size {size!r}; give (height, width), each 1 to {MAX_SIDE}")
    return sides


def check_channels(channels: int) -> int:
    """The channel count. Raises: UsageError where it is neither 1 nor 3."""
    if channels not in (1, 3):
        raise UsageError(f"images with {channels!r} channels; give 1 for grey or 3 for RGB")
    return channels


def _read(
    path: Path | str,
    finish: Callable[[Image.Image], NDArray[np.uint8]],
    content: bytes | None = None,
    prepare: Callable[[Image.Image], None] = lambda image: None,
) -> NDArray[np.uint8]:
    """What `finish` makes of the image, in mode L or RGB and turned as its EXIF data says.

    prepare: called with the image before its pixels are decoded.
    """
    # Pillow 11 to 13 map turned TIFFs wrongly into memory. They do not map a file that is open.
    with errors_named(path), _file(path, content) as file, opened(file) as image:
        if image.format == "EPS":
            # Pillow would hand the file, a program, to Ghostscript.
            raise DataError("EPS is a drawing, not pixels; convert it to PNG first")
        levels = grey_levels(image)
        prepare(image)
        image.load()
        if isinstance(image.info.get("transparency"), int):
            # Pillow scales pixels of few bits to 0-255, but not the level that is transparent.
            image.info["transparency"] *= 255 // (levels - 1)
        turn = _TURNS.get(_orientation(image))
        flat = eight_bits(image)
        if turn is None:
            return finish(flat)
        if flat is not image:
            image.close()  # otherwise three images of this size would be in memory
        return finish(flat.transpose(turn))


def _file(path: Path | str, content: bytes | None) -> BinaryIO:
    return open_regular(path) if content is None else io.BytesIO(content)


def grey_levels(image: Image.Image) -> int:
    """How many levels a grey PNG of less than 8 bits has; 256 for any other image."""
    tiles: Any = getattr(image, "tile", None)
    if image.format != "PNG" or image.mode != "L" or not tiles:
        return 256
    return {"L;2": 4, "L;4": 16}.get(tiles[0][3], 256)


def _orientation(image: Image.Image) -> int:
    # The pixels are good even where the EXIF data is damaged: such an image counts as upright.
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


@contextmanager
def errors_named(path: Path | str) -> Iterator[None]:
    """Every error becomes a DataError that names the file; Pillow's warnings are not shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    # Decoders of damaged files raise errors of any type: ValueError, struct.error, IndexError, ...
    except Exception as error:
        raise DataError(f"{path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than the {Image.MAX_IMAGE_PIXELS} pixels allowed; a decompression bomb?"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or of a kind that Pillow cannot read"
    if isinstance(error, DataError):
        return str(error)
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    if isinstance(error, OSError) and error.filename is not None:
        return text
    return f"damaged image: {text or type(error).__name__}"
