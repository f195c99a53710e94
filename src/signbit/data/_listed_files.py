"""Image or WAV files whose true answers are in a table next to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data._files import kind_of
from signbit.data._samples import Batch, Selection, Target
from signbit.data._table_samples import TableSamples
from signbit.data._tables import open_table
from signbit.errors import DataError
from signbit.format import Input
from signbit.format.types import shown

TABLE, FILE = "targets.csv", "file"


def folder_with_table(root: Path, split: str) -> Path | None:
    """PATH/split or PATH, the first that holds a targets.csv; None where neither does."""
    return next((one for one in (root / split, root) if kind_of(one / TABLE) == "file"), None)


class ListedFiles:
    """The files that the targets.csv of a folder lists, with the interface `Samples`.

    The column `file` has their paths in the folder. The other columns are targets, found as in any
    table.

    read: reads the sample in a file, for the network's only input.
    clips: returns how many numbers `read` has clipped so far.

    Raises: UsageError or DataError where the columns do not fit the network.
    """

    def __init__(
        self,
        folder: Path,
        one: Input,
        read: Callable[[Path], NDArray[Any]],
        clips: Callable[[], int],
        targets: Sequence[Target],
        chosen: Selection,
    ):
        self.name = f"folder:{folder}"
        self._folder, self._input, self._read, self._clips = folder, one, read, clips
        self._table = open_table(folder / TABLE)
        if FILE not in self._table.columns:
            raise DataError(
                f"{folder / TABLE} has no column {FILE!r}; add one with the paths of the files"
            )
        self._answers = TableSamples(self._table, (), targets, chosen)
        self.targets = self._answers.targets

    @property
    def count(self) -> int | None:
        """Number of files; None where only reading the table shows it."""
        return self._table.rows

    @property
    def clipped(self) -> Mapping[str, int]:
        """As in `Samples`, for the only input."""
        return {self._input.name: self._clips()}

    def batches(self, size: int) -> Iterator[Batch]:
        """As in `Samples`. The places are paths."""
        column = self._table.columns.index(FILE)
        names = self._table.pieces([column], size)
        for answers, (files,) in zip(self._answers.batches(size), names, strict=True):
            paths = [
                self._path(str(name), row) for name, row in zip(files, answers.places, strict=True)
            ]
            inputs = {self._input.name: np.stack([self._read(path) for path in paths])}
            yield Batch([str(path) for path in paths], inputs, answers.targets)

    def _path(self, name: str, row: str) -> Path:
        inside = PurePosixPath(name)
        if inside.is_absolute() or ".." in inside.parts:
            raise DataError(
                f"{self._folder / TABLE}, row {row}: {shown(name)} is not a path inside the "
                "folder; give one"
            )
        return self._folder / inside
