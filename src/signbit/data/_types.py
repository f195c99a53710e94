"""The shape in which every data set arrives, and the registry of data sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.registry import Registry


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


Reader = Callable[..., ImageSet]
datasets: Registry[Reader] = Registry("data set", "signbit.data")
