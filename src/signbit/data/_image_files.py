"""Image files that look like an array and are read when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.data._image import read_image
from signbit.progress import progress_bar

_BATCH = 256
# Reading fewer takes less than a second.
_PROGRESS_FROM = 5000


@dataclass(frozen=True)
class ImageFiles:
    """Image files as images of one size and channel count; has the interface `Images`.

    size: (height, width) to which each is resized.
    channels: 1 or 3, to which each is converted.
    """

    paths: Sequence[Path]
    size: tuple[int, int]
    channels: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        return (len(self.paths), *self.size, self.channels)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.uint8]:
        """Read the images at these places, (n, H, W, C). Raises: DataError naming the file."""
        places = np.arange(len(self.paths))[index]
        pixels = np.empty((len(places), *self.shape[1:]), np.uint8)
        for row, place in enumerate(places):
            pixels[row] = read_image(self.paths[place], self.size, self.channels)
        return pixels

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
