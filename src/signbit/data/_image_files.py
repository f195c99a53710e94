"""Image files with the interface of an array. Each is read when it is used."""

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
# Reading fewer images takes less than a second.
_PROGRESS_FROM = 5000

# The indices of the first images of blocks, ascending from 0.
Blocks = Sequence[int] | NDArray[np.int64]
# A function from the index, the width and the height of an image to its box.
Boxes = Callable[[int, int, int], Box]


class Encoded(NamedTuple):
    """An image that is not decoded yet.

    name: its path, or its shard and its place there; messages contain it.
    content: the bytes of its file; None if they must be read from the path in `name`.
    """

    name: str
    content: bytes | None = None


class Source(Protocol):
    """A sequence of encoded images."""

    @property
    def blocks(self) -> Blocks:
        """The first indices of blocks that are read as a whole; () if each image is read alone."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Encoded:
        """The image at an index. Raises: DataError naming the image."""
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
    """Images of one size and channel count, with the interface `Images`.

    source: the encoded images.
    size: each image is fitted to this (height, width).
    channels: each image is converted to 1 or 3 channels.
    crop: how each image is fitted, as in `Preprocessing`.
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
        """Read the images at these indices, (n, H, W, C). Raises: DataError naming the file."""
        places = np.arange(len(self.source))[index]

        def read(place: int, one: Encoded) -> NDArray[np.uint8]:
            return read_image(
                one.name, self.size, self.channels, content=one.content, crop=self.crop
            )

        return self._read(places, read)

    def parts(self, places: NDArray[np.int64], boxes: Boxes) -> NDArray[np.uint8]:
        """Boxes cut out of the images at these indices, resized to (H, W). Raises: DataError."""

        def read(place: int, one: Encoded) -> NDArray[np.uint8]:
            choose = partial(boxes, place)
            return read_box(one.name, self.size, self.channels, choose, one.content)

        return self._read(places, read)

    def read(self) -> NDArray[np.uint8]:
        """All images in one array. A progress bar appears if reading takes long."""
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
        # The images are read in the order of the source, so that each block is read once.
        for row in np.argsort(places, kind="stable").tolist():
            place = int(places[row])
            pixels[row] = read(place, self.source[place])
        return pixels


def parts_of(images: Images, places: NDArray[np.int64], boxes: Boxes) -> NDArray[np.uint8]:
    """Cut a part out of each image at some indices, and resize it.

    If the images are in files, the part is cut out of the original image in the file.

    images: the images, (N, H, W, C) uint8.
    places: the n indices.
    boxes: a function from the index, the width and the height of an image to the box of the part:
        left, top, right and bottom in pixels.

    Shape:  (n, H, W, C) uint8.
    Raises: DataError naming a file that cannot be read.
    """
    if isinstance(images, ImageFiles):
        return images.parts(places, boxes)
    pairs = zip(places.tolist(), images[places], strict=True)
    return np.stack([cut_array(pixels, partial(boxes, place)) for place, pixels in pairs])


def blocks_of(images: Images) -> Blocks:
    """The blocks of images that are read as a whole, such as the row groups of Parquet files.

    Reading images of one block together is faster than reading them in random order.

    images: the images of an `ImageSet`.

    Returns the index of the first image of each block; () where there are no blocks.
    """
    return images.source.blocks if isinstance(images, ImageFiles) else ()
