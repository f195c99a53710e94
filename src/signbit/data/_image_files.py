"""Images in files that look like an array and are read when asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.data._boxes import Box
from signbit.data._image import cut_array, read_box, read_image
from signbit.data._types import Images
from signbit.progress import progress_bar

_BATCH = 256
# Reading fewer takes less than a second.
_PROGRESS_FROM = 5000

# First places of the blocks that images lie in, ascending from 0.
Blocks = Sequence[int] | NDArray[np.int64]
# The box of the image at a place, from its width and height.
Boxes = Callable[[int, int, int], Box]


class Encoded(NamedTuple):
    """An image that is not decoded yet.

    name: its path, or shard and place in it, for messages.
    content: the bytes of its file; None to read them from the path that is its name.
    """

    name: str
    content: bytes | None = None


class Source(Protocol):
    """Where encoded images come from."""

    @property
    def blocks(self) -> Blocks:
        """First places of the blocks that are read as a whole; () where each is read alone."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Encoded:
        """The image at a place. Raises: DataError naming it."""
        ...


@dataclass(frozen=True)
class PathSource:
    """Image files."""

    paths: Sequence[str]
    blocks: Blocks = ()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int, /) -> Encoded:
        return Encoded(self.paths[place])


@dataclass(frozen=True)
class JoinedSource:
    """The images of several sources, one after the other."""

    sources: Sequence[Source]
    blocks: Blocks = ()

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    def __getitem__(self, place: int, /) -> Encoded:
        for source in self.sources:
            if place < len(source):
                return source[place]
            place -= len(source)
        raise IndexError(place)


@dataclass(frozen=True)
class ImageFiles:
    """Images as an array of one size and channel count; has the interface `Images`.

    size: (height, width) to which each is fitted.
    channels: 1 or 3, to which each is converted.
    crop: how each is fitted, as in `Preprocessing`.
    """

    source: Source
    size: tuple[int, int]
    channels: int
    crop: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        return (len(self.source), *self.size, self.channels)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.uint8]:
        """Read the images at these places, (n, H, W, C). Raises: DataError naming the file."""
        places = np.arange(len(self.source))[index]

        def read(place: int, one: Encoded) -> NDArray[np.uint8]:
            return read_image(
                one.name, self.size, self.channels, content=one.content, crop=self.crop
            )

        return self._read(places, read)

    def parts(self, places: NDArray[np.int64], boxes: Boxes) -> NDArray[np.uint8]:
        """The boxes of the images at these places, each resized to (H, W). Raises: DataError."""

        def read(place: int, one: Encoded) -> NDArray[np.uint8]:
            choose = partial(boxes, place)
            return read_box(one.name, self.size, self.channels, choose, one.content)

        return self._read(places, read)

    def read(self) -> NDArray[np.uint8]:
        """All images in one array; shows a progress bar where reading takes long."""
        if len(self) < _PROGRESS_FROM:
            return self[:]
        pixels = np.empty(self.shape, np.uint8)
        with progress_bar("reading images", len(self)) as advance:
            for start in range(0, len(self), _BATCH):
                batch = self[start : start + _BATCH]
                pixels[start : start + len(batch)] = batch
                advance(len(batch))
        return pixels

    def _read(
        self, places: NDArray[np.int64], read: Callable[[int, Encoded], NDArray[np.uint8]]
    ) -> NDArray[np.uint8]:
        pixels = np.empty((len(places), *self.shape[1:]), np.uint8)
        # In the order of the source, so that each block is read once.
        for row in np.argsort(places, kind="stable").tolist():
            place = int(places[row])
            pixels[row] = read(place, self.source[place])
        return pixels


def parts_of(images: Images, places: NDArray[np.int64], boxes: Boxes) -> NDArray[np.uint8]:
    """Parts of the images at these places, from their files where they have some.

    boxes: gets the place, the width and the height of an image; returns the box.

    Shape:  (n, H, W, C) uint8, as `images`.
    Raises: DataError naming the file.
    """
    if isinstance(images, ImageFiles):
        return images.parts(places, boxes)
    pairs = zip(places.tolist(), images[places], strict=True)
    return np.stack([cut_array(pixels, partial(boxes, place)) for place, pixels in pairs])


def blocks_of(images: Images) -> Blocks:
    """First places of the blocks of images that are read as a whole; () where there are none."""
    return images.source.blocks if isinstance(images, ImageFiles) else ()
