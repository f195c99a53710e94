"""Read any image file as uint8 pixels of a given size and number of channels."""

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
    """Read the pixels of an image file.

    The file may have any format and mode that Pillow reads. The first frame of an animation is
    read. The EXIF orientation is applied. Transparent pixels are drawn on white, except that the
    one transparent colour of a 16-bit RGB PNG is ignored.

    16-bit grey keeps its high byte. The modes of 32-bit integers and of floating-point numbers do
    not say their range, so the largest value decides. Up to 255 the values stay as they are, but
    floating-point values up to 1 are multiplied by 255. Up to 65535 their high byte is kept.

    RGB becomes grey by the ITU-R 601 luma. Grey becomes RGB by repetition. An image of another size
    is resized with a bilinear filter.

    path: the file.
    size: (height, width) of the result, in pixels.
    channels: 1 for grey, 3 for RGB.
    exact: refuse an image of another size instead of resizing it.
    content: the bytes of the file, if they are in memory already; `path` is then only its name in
        messages.
    crop: cut the centre out of the image after scaling it, as in `Preprocessing`; None keeps all.

    Shape:  (height, width, channels) uint8.
    Raises: DataError naming the file and its fault; UsageError for a size, crop or channel count
        that is not allowed.
    """
    height, width = check_size(size)
    mode, crop = "L" if check_channels(channels) == 1 else "RGB", check_crop(crop)

    def fitted(image: Image.Image) -> NDArray[np.uint8]:
        image = in_mode(image, mode)
        if exact and image.size != (width, height):
            raise DataError(
                f"{image.height}x{image.width} pixels instead of {height}x{width}; resize it"
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
    """A part of an image, chosen for training, (height, width, channels) uint8.

    Speed counts more than exact pixels: a JPEG is decoded at a smaller size if that is enough.

    choose: a function from the width and the height of the upright image in the file to the box.

    All else is as in `read_image`.
    """
    mode = "L" if channels == 1 else "RGB"
    drawn: tuple[Box, tuple[int, int]] | None = None

    def shrink(image: Image.Image) -> None:
        nonlocal drawn
        # The box is for the upright image, but decoding comes before turning. So an image that must
        # be turned is decoded as a whole.
        if image.format == "JPEG" and _orientation(image) not in _TURNS:
            drawn = choose(*image.size), image.size
            shrink_jpeg(image, drawn[0], size)

    def cut(image: Image.Image) -> NDArray[np.uint8]:
        box, whole = drawn or (choose(*image.size), image.size)
        box = moved(box, whole, image.size)
        return _array(resized(in_mode(image, mode), size, box, quick=True), channels)

    return _read(path, cut, content, shrink)


def cut_array(pixels: NDArray[np.uint8], choose: Choose) -> NDArray[np.uint8]:
    """A part of an image in memory, (H, W, C), cut as `read_box` does and resized to (H, W)."""
    height, width, channels = pixels.shape
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    return _array(resized(image, (height, width), choose(width, height), quick=True), channels)


def _array(image: Image.Image, channels: int) -> NDArray[np.uint8]:
    return np.array(image).reshape(image.height, image.width, channels)


def read_pixels(path: Path | str, content: bytes | None = None) -> NDArray[np.uint8]:
    """The pixels as `read_image` returns them, in the image's own size and channel count."""
    return _read(path, lambda image: _array(image, -1), content)


def has_color(path: Path | str, content: bytes | None = None) -> bool:
    """Whether `read_pixels` would return 3 channels. Only the header is read.

    Raises: DataError naming the file, where its header cannot be read.
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
    """The result of `finish` for the image in mode L or RGB, turned as its EXIF data says.

    prepare: called with the image before its pixels are decoded.
    """
    # Pillow 11 to 13 map turned TIFF files wrongly into memory, unless the file is open already.
    with errors_named(path), _file(path, content) as file, opened(file) as image:
        if image.format == "EPS":
            # An EPS file is a program, which Pillow would run through Ghostscript.
            raise DataError("EPS is a drawing, not pixels; convert it to PNG first")
        levels = grey_levels(image)
        prepare(image)
        image.load()
        if isinstance(image.info.get("transparency"), int):
            # Pillow scales pixels of few bits to 0-255, but not the transparent level.
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
    """The number of levels of a grey PNG with less than 8 bits; 256 for any other image."""
    tiles: Any = getattr(image, "tile", None)
    if image.format != "PNG" or image.mode != "L" or not tiles:
        return 256
    return {"L;2": 4, "L;4": 16}.get(tiles[0][3], 256)


def _orientation(image: Image.Image) -> int:
    # If the EXIF data is damaged, the pixels may still be good. Such an image counts as upright.
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
        return (
            f"more than {Image.MAX_IMAGE_PIXELS} pixels, which is not allowed (a small file can "
            "hold such an image to fill the memory); make the image smaller"
        )
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or of a kind that Pillow cannot read"
    if isinstance(error, DataError):
        return str(error)
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    if isinstance(error, OSError) and error.filename is not None:
        return text
    return f"damaged image: {text or type(error).__name__}"
