"""Open image files so that all threads together decode no more at a time than fits in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock
from typing import Any, BinaryIO

from PIL import Image

from signbit.errors import DataError

# The largest image that Pillow allows has 2**30 / 12 pixels.
ROOM_BYTES = 2**30
MAX_FILE_BYTES = 2**30

# The most bytes for each pixel while a file is decoded, composited and turned, measured: Pillow
# keeps 4 a pixel and a second image, libjpeg 8 more for a progressive one, the decoders of WebP
# and JPEG 2000 several whole images. Formats that are not listed here are read alone.
_BYTES_PER_PIXEL = {
    **dict.fromkeys(("BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF"), 12),
    "WEBP": 24,
    "JPEG2000": 40,
}

# The C library keeps what a thread frees for that thread, up to 32 MiB a piece: four threads, one
# after the other, would hold four images. Larger pieces go back to the system at once.
_core: Any = Image.core
_core.set_block_size(max(2**26, _core.get_block_size()))


class Room:
    """Bytes that all threads together may use; who asks first is served first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self.turn = Lock()
        self._changed = Condition()

    def take(self, amount: int) -> None:
        """Wait until there is room; whoever has taken some gives it back without asking for more.

        Call it with the `turn`, so that a large amount is not overtaken for ever by small ones.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.used + amount <= self.size)
            self.used += amount

    def give_back(self, amount: int) -> None:
        """Make room again."""
        with self._changed:
            self.used -= amount
            self._changed.notify_all()


_room = Room(ROOM_BYTES)


@contextmanager
def opened(file: BinaryIO) -> Iterator[Image.Image]:
    """The image of a file, its header read, with room for its pixels; closed afterwards.

    An image that needs more than the whole room has it alone.

    Raises: DataError for a file of more than MAX_FILE_BYTES; what Pillow raises.
    """
    size = _checked_size(file)
    # Some decoders read the whole file for its header: one at a time, as it is not counted yet.
    with _room.turn:
        image = Image.open(file)
        rate = _BYTES_PER_PIXEL.get(image.format or "", _room.size)
        amount = min(_room.size, image.width * image.height * rate + size)
        _room.take(amount)
    try:
        yield image
    finally:
        image.close()
        _room.give_back(amount)


def mode_in_header(file: BinaryIO) -> str:
    """The mode of an image, whose pixels are not read. Raises as `opened` does."""
    _checked_size(file)
    with _room.turn, Image.open(file) as image:
        return image.mode


def _checked_size(file: BinaryIO) -> int:
    size = os.fstat(file.fileno()).st_size
    if size > MAX_FILE_BYTES:
        raise DataError(f"{size} bytes; files of up to {MAX_FILE_BYTES} are read")
    return size
