"""Many texts in two arrays: lists of millions of paths, shared with worker processes."""

from array import array
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np


class Texts(Sequence[str]):
    """A sequence of texts that takes their bytes and 8 more for each.

    A list of Python's texts takes some 100 bytes more for each, and a worker process that only
    looks at one copies the memory it lies in.
    """

    def __init__(self, texts: Iterable[str]):
        joined, ends = bytearray(), array("q")
        for text in texts:
            joined += text.encode("utf-8", "surrogateescape")
            ends.append(len(joined))
        self._bytes, self._ends = np.array(joined), np.array(ends, np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        place = int(index) % len(self)
        start = int(self._ends[place - 1]) if place else 0
        piece = self._bytes[start : self._ends[place]].tobytes()
        return piece.decode("utf-8", "surrogateescape")
