"""The shape in which every data set arrives, and the registry of data sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.registry import Registry

SPLITS = ("train", "test")
# What folders and shards of a split are called. The first that there is counts.
SPLIT_NAMES = {"train": ("train",), "test": ("test", "val", "valid", "validation")}
# Data sets of files have a path in their name, as in folder:PATH.
OF_PATHS = ("folder", "parquet", "tar")


class Images(Protocol):
    """Images of one size, in memory (an array) or read when asked for (files)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.uint8]:
        """The images at these places, (n, H, W, C) uint8."""
        ...


@dataclass(frozen=True)
class ImageSet:
    """One split of a data set.

    images: (N, H, W, C) uint8, RGB or grey; an array where all fit in memory.
    labels: (N,) int64, indices into `classes`.
    """

    name: str
    split: str
    images: Images
    labels: NDArray[np.int64]
    classes: Sequence[str]


@dataclass(frozen=True)
class Request:
    """What `load` was asked for; every reader takes one.

    name: the data set's name, as registered.
    path: what followed the colon in `name:path`; empty where there was none.
    data_dir: where downloaded data sets are kept; used by those that have files there.
    size, channels: (height, width) and 1 or 3, None for those of the data; used by data sets of
        files.
    crop: how files are fitted to the size, as in `Preprocessing`.
    in_memory: read a small set at once; False leaves all images in their files.
    """

    name: str
    split: str
    data_dir: Path
    path: str = ""
    download: bool = False
    size: tuple[int, int] | None = None
    channels: int | None = None
    crop: float | None = None
    in_memory: bool = True


Reader = Callable[[Request], ImageSet]
datasets: Registry[Reader] = Registry("data set", "signbit.data")
