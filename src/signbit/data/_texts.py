"""Many texts in two arrays, for lists of millions of paths that worker processes share."""

from array import array
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np


class Texts(Sequence[str]):
    """A sequence of texts in little memory: the bytes of each text, and 8 more.

    A Python list needs some 100 bytes more for each text. And a worker process that only reads a
    Python text copies the page of memory that holds it.
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
