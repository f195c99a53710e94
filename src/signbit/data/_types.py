"""The types that all data sets have in common, and the registry of data sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.registry import Registry

SPLITS = ("train", "test")
# The names of folders and shards of a split. The first name that exists counts.
SPLIT_NAMES = {"train": ("train",), "test": ("test", "val", "valid", "validation")}
# These data sets have a path in their name, as in folder:PATH.
OF_PATHS = ("folder", "parquet", "tar")


class Images(Protocol):
    """Images of one size: an array in memory, or files that are read when they are used."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.uint8]:
        """The images at these indices, (n, H, W, C) uint8.

        Raises: DataError naming a file that cannot be read.
        """
        ...


@dataclass(frozen=True)
class ImageSet:
    """One split of a data set.

    name: the name of the data set, such as "cifar10" or "folder:PATH".
    split: "train" or "test".
    images: (N, H, W, C) uint8; C is 3 for RGB and 1 for grey. They are an array if all fit into
        memory, else files that are read when they are used.
    labels: (N,) int64, indices into `classes`.
    classes: the names of the classes.
    """

    name: str
    split: str
    images: Images
    labels: NDArray[np.int64]
    classes: Sequence[str]


@dataclass(frozen=True)
class Request:
    """The arguments of `load`, for the reader of a data set.

    name: the name under which the data set is registered.
    split: "train" or "test".
    data_dir: the folder for downloaded data sets.
    path: the text after the colon in `name:path`; empty where there is no colon.
    download: whether to fetch missing files.
    size: (height, width) to which images are resized; None means the size of the data. Only readers
        of a path use size, channels, crop and in_memory.
    channels: 1 for grey or 3 for RGB; None means those of the data.
    crop: how images are fitted to the size, as in `Preprocessing`.
    in_memory: whether to read a small set at once; False leaves all images in their files.
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
"""The readers of data sets by name. A reader turns a `Request` into an `ImageSet`.

Register your own with `@datasets.register("NAME")`.
"""
