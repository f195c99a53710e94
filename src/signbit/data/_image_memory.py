"""Open image files so that all images that threads decode at the same time fit into memory."""

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

# The most bytes for each pixel while a file is decoded, composited and turned, as measured. Pillow
# keeps 4 bytes a pixel, and a second image. libjpeg keeps 8 more bytes a pixel for a progressive
# file. The decoders of WebP and JPEG 2000 keep several whole images. A file of a format that is
# not listed here is read alone.
_BYTES_PER_PIXEL = {
    **dict.fromkeys(("BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF"), 12),
    "WEBP": 24,
    "JPEG2000": 40,
}

# When a thread frees a piece of memory of up to 32 MiB, the C library keeps it for that thread.
# After four threads have read an image each, it would keep four images. Larger pieces go back to
# the system.
_core: Any = Image.core
_core.set_block_size(max(2**26, _core.get_block_size()))


class Room:
    """A number of bytes that all threads may use together. The first thread to ask comes first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self.turn = Lock()
        self._changed = Condition()

    def take(self, amount: int) -> None:
        """Wait until this amount is free, and take it.

        A thread that has taken an amount must give it back before it asks again. Hold `turn` during
        the call. Otherwise small amounts could overtake a large one for ever.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.used + amount <= self.size)
            self.used += amount

    def give_back(self, amount: int) -> None:
        """Return an amount that was taken."""
        with self._changed:
            self.used -= amount
            self._changed.notify_all()


_room = Room(ROOM_BYTES)


@contextmanager
def opened(file: BinaryIO) -> Iterator[Image.Image]:
    """The image in a file, which is closed at the end. Its header is read, and room is taken.

    The room is for its pixels. An image that needs more than the whole room is read alone.

    Raises: DataError for a file of more than MAX_FILE_BYTES; the errors of Pillow.
    """
    size = _checked_size(file)
    # Some decoders read the whole file to find its header. That memory is not counted, so only one
    # thread does this at a time.
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
    """The mode of an image, without reading its pixels. Raises: the errors of `opened`."""
    _checked_size(file)
    with _room.turn, Image.open(file) as image:
        return image.mode


def _checked_size(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > MAX_FILE_BYTES:
        raise DataError(f"{size} bytes; files of at most {MAX_FILE_BYTES} bytes are allowed")
    return size
