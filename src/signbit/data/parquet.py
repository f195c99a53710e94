"""Images in Parquet shards, in the layout of Hugging Face."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit import strict_json
from signbit.data._file_set import file_set
from signbit.data._labels import MAX_CLASSES, classes_for, require_label
from signbit.data._parquet_images import ParquetSource
from signbit.data._places import names_in
from signbit.data._shards import Shard, find_shards
from signbit.data._tables import ParquetTable
from signbit.data._types import ImageSet, Request, datasets
from signbit.errors import DataError, printable
from signbit.format.checks import fits_a_line
from signbit.progress import late_progress_bar, note

IMAGES, LABELS = ("image", "img"), ("label",)
_MAX_METADATA = 1 << 22


@datasets.register("parquet")
def parquet(request: Request) -> ImageSet:
    """The images in the rows of `parquet:PATH`, in natural order of the shards.

    PATH is a folder, a pattern with `*`, or one file. Folders or names of the shards name the
    split, such as `train-00000-of-00014.parquet`. If no shard names a split, every image belongs to
    both splits.

    Layout: that of Hugging Face. The encoded images are in the column `image` or `img`, else in the
    only column of bytes. A struct with a field `bytes` counts as bytes. The labels are whole
    numbers from 0, in the column `label`, else in the only column of whole numbers.

    Classes: the lines of `classes.txt` in the folder. Without that file, the names in the metadata
    of Hugging Face, where equal names are followed by their numbers. Without these, the numbers
    from 0 to the highest label.

    Images: as in `folder:PATH`. A row group is read as a whole, so the images have `blocks`.

    Shape:  (N, H, W, C) uint8.
    Raises: DataError naming the shard and the row, for a shard that is damaged or changes, and for
        a row without an image, without a label or with a wrong label; MissingDependencyError
        without pyarrow.
    """
    found = find_shards(request.path, ".parquet", request.split)
    index = _Index(names_in(found.folder))
    with late_progress_bar("listing shards", len(found.shards)) as advance:
        for shard in found.shards:
            index.add(shard)
            advance(1)
    source, labels = index.finish()
    _note_sorted(source, labels)
    return file_set(request, source, labels, classes_for(index.names, labels))


class _Index:
    """Finds the row groups and labels of shards, which must have the same columns and classes.

    names: the names of the classes; None to use those of the shards, if they have any.
    """

    def __init__(self, names: tuple[str, ...] | None):
        self.names = names
        self._own_names = names is None
        self._shards: list[Shard] = []
        self._columns: tuple[str, str] | None = None
        self._labels: list[NDArray[np.int64]] = []
        # For each row group: the number of its shard, its number there, its first row there, and
        # its first row among all rows.
        self._groups: list[tuple[int, int, int, int]] = []
        self._count = 0

    def add(self, shard: Shard) -> None:
        """Add the rows of a shard. Raises: DataError."""
        table = ParquetTable(shard.path)
        # A column of one repeated value takes almost no bytes. A small file with many rows must not
        # make us use much memory.
        if table.rows > shard.state[0]:
            raise DataError(
                f"{shard.path}: {table.rows} rows in {shard.state[0]} bytes are not possible for "
                "images; get the file from its source again"
            )
        columns = _columns(table)
        names = _class_names(table, columns[1]) if self._own_names else self.names
        if self._columns is None:
            self._columns, self.names = columns, names
        if columns != self._columns:
            raise DataError(
                f"{shard.path} has images and labels in the columns {_shown(columns)}, but "
                f"{self._shards[0].path} in {_shown(self._columns)}; give shards of one data set"
            )
        if names != self.names:
            raise DataError(
                f"{shard.path} and {self._shards[0].path} name different classes: "
                f"{_difference(names, self.names)}; give shards of one data set, or write "
                "classes.txt next to them"
            )
        count = None if names is None else len(names)
        first = 0
        for group in range(table.groups):
            labels = _labels(table, group, columns[1], first, count)
            if len(labels):
                self._groups.append((len(self._shards), group, first, self._count))
                self._labels.append(labels)
            first += len(labels)
            self._count += len(labels)
        self._shards.append(shard)

    def finish(self) -> tuple[ParquetSource, NDArray[np.int64]]:
        """The images and their labels. Raises: DataError where there is none."""
        if not self._count:
            raise DataError(f"{self._shards[0].path} holds no rows")
        assert self._columns is not None
        shard, group, first, blocks = np.array(self._groups, np.int64).T
        numbers = shard.astype(np.int32), group.astype(np.int32), first.copy()
        blocks = np.ascontiguousarray(blocks)
        source = ParquetSource(self._shards, self._columns[0], blocks, *numbers, self._count)
        return source, np.concatenate(self._labels)


def _columns(table: ParquetTable) -> tuple[str, str]:
    """The names of the columns of images and labels. Raises: DataError."""
    return (
        _column(table, "images as bytes", table.of_bytes, IMAGES),
        _column(table, "labels as whole numbers", table.of_whole_numbers, LABELS),
    )


def _column(table: ParquetTable, what: str, known: Sequence[str], usual: Sequence[str]) -> str:
    named = [name for name in usual if name in known]
    # If a column has the usual name but another type, no other column is used in its place.
    odd = [name for name in usual if name in table.columns and name not in known]
    if odd and not named:
        raise DataError(
            f"{table.path}, column {odd[0]} does not hold {what}; write it in this form, or rename "
            "the column if it holds something else"
        )
    if named or len(known) == 1:
        return (named or known)[0]
    listed = printable(", ".join(known))[:200] or "none"
    raise DataError(
        f"{table.path}: it is not clear which column holds {what} (possible: {listed}); name that "
        f"column {' or '.join(usual)}"
    )


def _shown(columns: tuple[str, str]) -> str:
    return printable(" and ".join(columns))


def _difference(names: Sequence[str] | None, others: Sequence[str] | None) -> str:
    """The first place where two lists of class names differ."""
    for place, (one, other) in enumerate(zip_longest(names or (), others or ())):
        if one != other:
            return f"label {place} is {_quoted(one)} and {_quoted(other)}"
    raise ValueError("equal names")


def _quoted(name: str | None) -> str:
    return "nothing" if name is None else repr(printable(name)[:80])


def _labels(
    table: ParquetTable, group: int, column: str, first: int, count: int | None
) -> NDArray[np.int64]:
    """The labels of a row group.

    first: the first row of the group.
    count: number of classes; None if not known.
    """
    values = table.group(group, column)

    def place(row: Any) -> str:
        return f"{table.path}, row {first + int(row) + 1}, column {printable(column)}"

    if values.null_count:
        empty = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))
        raise DataError(f"{place(empty[0])}: no label; leave out the rows without a label")
    numbers = values.to_numpy(zero_copy_only=False)
    # The lowest label is checked first: data sets use -1 for an image whose label is secret.
    for row in (numbers.argmin(), numbers.argmax()) if len(numbers) else ():
        require_label(place(row), int(numbers[row]), count)
    return numbers.astype(np.int64)


def _class_names(table: ParquetTable, column: str) -> tuple[str, ...] | None:
    """The class names in the metadata of Hugging Face; None where there are none.

    Raises: DataError for a name that is not text of one line.
    """
    text = table.metadata.get(b"huggingface", b"")
    if not text or len(text) > _MAX_METADATA:
        return None
    try:
        features = strict_json.loads(text)["info"]["features"]
        names = features[column]["names"]
        if isinstance(names, Mapping):
            names = [names[str(number)] for number in range(len(names))]
    except (ValueError, LookupError, TypeError):
        return None
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_CLASSES:
        return None
    for name in names:
        if not isinstance(name, str) or not fits_a_line(name) or not name.strip():
            raise _bad_name(table, name)
    counts = Counter(names)
    told = [f"{name} ({n})" if counts[name] > 1 else name for n, name in enumerate(names)]
    again, times = Counter(told).most_common(1)[0]
    if times > 1:
        raise _bad_name(table, again)
    return tuple(told)


def _bad_name(table: ParquetTable, name: object) -> DataError:
    return DataError(
        f"{table.path}: its metadata has the class name {printable(repr(name))[:80]}, which is not "
        "allowed; write a classes.txt with other names next to the file"
    )


def _note_sorted(source: ParquetSource, labels: NDArray[np.int64]) -> None:
    """Print a note if most row groups hold one class only, since batches would hold few classes."""
    groups = np.split(labels, source.blocks[1:])
    alone = sum(len(one) > 1 and one.min() == one.max() for one in groups)
    if len(np.unique(labels)) > 1 and 2 * alone > len(groups):
        note(
            f"{source.shards[0].path.parent}: most row groups hold only one class, and training "
            "mixes only a few groups at a time; for better training, write the rows in random order"
        )
