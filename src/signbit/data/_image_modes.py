"""Convert images of any mode to grey or RGB of 8 bits, with few whole images in memory."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from signbit.errors import DataError

_STRIP_PIXELS = 2**18
_GREY_MODES = ("1", "L", "LA")


def eight_bits(image: Image.Image) -> Image.Image:
    """The image in mode L or RGB, without alpha."""
    if _is_wide(image.mode):
        return _reduced(image)
    mode = "L" if is_grey(image.mode) else "RGB"
    if not image.has_transparency_data:
        return in_mode(image, mode)
    return _in_strips(image, mode, lambda strip: _on_white(strip).convert(mode))


def _is_wide(mode: str) -> bool:
    return mode.startswith("I") or mode == "F"


def is_grey(mode: str) -> bool:
    """Whether images of this mode become grey."""
    return mode in _GREY_MODES or _is_wide(mode)


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The image in this mode. It is copied only if it has another mode."""
    return image if image.mode == mode else image.convert(mode)


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA"))


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield strips of a few rows of the image, each with the number of its first row."""
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _in_strips(
    image: Image.Image, mode: str, convert: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """The image that `convert` returns, made strip by strip, so that no other copy is needed."""
    whole = Image.new(mode, image.size)
    for top, strip in _strips(image):
        whole.paste(convert(strip), (0, top))
    return whole


def _reduced(image: Image.Image) -> Image.Image:
    """Convert grey of 16 or 32 bits or floating point to mode L."""
    arrays = (np.asarray(strip) for _, strip in _strips(image))
    ends = np.array([(values.min(), values.max()) for values in arrays])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    if not (low >= 0 and high <= 65535):
        raise DataError(f"values from {low} to {high}; only 0 to 65535 are allowed")
    # Pillow scales the values of a PNM file of more than 8 bits to 0-65535.
    wide = image.mode.startswith("I;16") or image.format == "PPM" or high > 255
    scale = 255 if image.mode == "F" and high <= 1 else 1
    transparent = image.info.get("transparency")

    def reduce(strip: Image.Image) -> Image.Image:
        values = np.asarray(strip)
        if wide:
            reduced = (values.astype(np.uint16) >> 8).astype(np.uint8)
        else:
            reduced = np.round(values * scale).astype(np.uint8)
        if isinstance(transparent, int):
            reduced[values == transparent] = 255
        return Image.fromarray(reduced)

    return _in_strips(image, "L", reduce)
