"""Encoded images in the rows of Parquet files. A row group is read at once."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data._image_files import Encoded
from signbit.data._shards import Shard
from signbit.data._tables import ParquetTable
from signbit.data._tar import MAX_IMAGE_BYTES, too_large
from signbit.errors import DataError

# The size of the row groups that a process keeps in memory.
_CACHE_BYTES = 1 << 28


class _Groups:
    """The images of the row groups that were read last. Each process has its own."""

    def __init__(self):
        self._rows: OrderedDict[int, Any] = OrderedDict()
        self._bytes = 0

    def get(self, block: int) -> Any:
        """The rows of a group; None if they are not kept."""
        if block in self._rows:
            self._rows.move_to_end(block)
        return self._rows.get(block)

    def put(self, block: int, rows: Any) -> None:
        """Keep the rows of a group, and drop the groups that were not used for longest."""
        self._rows[block] = rows
        self._bytes += rows.nbytes
        while self._bytes > _CACHE_BYTES and len(self._rows) > 1:
            self._bytes -= self._rows.popitem(last=False)[1].nbytes

    def __reduce__(self) -> tuple[Any, ...]:
        return _Groups, ()


@dataclass(frozen=True)
class ParquetSource:
    """Images in rows. A row group is read as a whole.

    column: the column of the images, in every shard.
    blocks: the index of the first image of each row group.
    shard: the number of the shard of each row group.
    group: the number of each row group in its shard.
    first: the first row of each row group in its shard, from 0.
    count: number of all rows.
    """

    shards: Sequence[Shard]
    column: str
    blocks: NDArray[np.int64]
    shard: NDArray[np.int32]
    group: NDArray[np.int32]
    first: NDArray[np.int64]
    count: int
    _groups: _Groups = field(default_factory=_Groups, repr=False, compare=False)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int, /) -> Encoded:
        block = int(np.searchsorted(self.blocks, place, side="right")) - 1
        row = place - int(self.blocks[block])
        shard = self.shards[self.shard[block]]
        name = f"{shard.path}, row {self.first[block] + row + 1}"
        rows = self._groups.get(block)
        if rows is None:
            rows = self._read(block, shard)
            self._groups.put(block, rows)
        content = rows[row].as_py()
        if content is None:
            raise DataError(f"{name}: no image; leave out the rows without an image")
        if len(content) > MAX_IMAGE_BYTES:
            raise DataError(f"{name}: {too_large(len(content))}")
        return Encoded(name, content)

    def _read(self, block: int, shard: Shard) -> Any:
        try:
            shard.require_same(shard.path.stat())
        except OSError as error:
            raise DataError(f"cannot read {shard.path}: {error.strerror}") from error
        rows = ParquetTable(shard.path).group(int(self.group[block]), self.column)
        ends = [*self.blocks[block + 1 : block + 2], self.count]
        wanted = int(ends[0] - self.blocks[block])
        if len(rows) != wanted:
            raise DataError(
                f"{shard.path}: row group {self.group[block]} has {len(rows)} rows instead of "
                f"{wanted}; get the file from its source again"
            )
        return rows
