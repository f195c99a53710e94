"""Read tables, which are columns with names, in pieces from CSV and Parquet files."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.errors import DataError, MissingDependencyError, first_line
from signbit.files import open_regular
from signbit.format.types import shown

# A line of a hostile file must not make us use any amount of memory.
MAX_LINE = 1 << 20
MAX_COLUMNS = 1 << 16
MAX_GROUP_BYTES = 1 << 30

# The texts of a CSV file, or the numbers or texts of a Parquet file.
Column = Sequence[str] | NDArray[Any]


class Table(Protocol):
    """Columns with names. The rows are read when they are used."""

    path: Path

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns, in order."""
        ...

    @property
    def rows(self) -> int | None:
        """Number of rows; None where only reading the table shows it."""
        ...

    def pieces(self, columns: Sequence[int], size: int) -> Iterator[list[Column]]:
        """Yield these columns, at most `size` rows at a time.

        Raises: DataError for a missing value, naming the file, the row (from 1) and the column.
        """
        ...


def open_table(path: Path) -> Table:
    """The table in a .csv or .parquet file.

    Raises: DataError where its header cannot be read, or where two columns have the same name;
        MissingDependencyError for Parquet without pyarrow.
    """
    return ParquetTable(path) if path.suffix.lower() == ".parquet" else CsvTable(path)


def _checked_names(path: Path, columns: Sequence[str]) -> Sequence[str]:
    """The names of the columns. Raises: DataError where there is none, or two are equal."""
    if not 1 <= len(columns) <= MAX_COLUMNS:
        raise DataError(f"{path}: {len(columns)} columns; give 1 to {MAX_COLUMNS}")
    seen: set[str] = set()
    for name in columns:
        if name in seen:
            raise DataError(f"{path}: two columns have the name {shown(name)}; rename one")
        seen.add(name)
    return columns


def missing_value(path: Path, row: int, column: str) -> DataError:
    """The error for an empty value. row: from 1."""
    return DataError(
        f"{path}, row {row}, column {shown(column)}: no value; fill it in or remove the row"
    )


class CsvTable:
    """Text in UTF-8 with commas between the values. The first line has the names of the columns."""

    def __init__(self, path: Path):
        self.path = path
        with self._records() as records:
            names = [name.strip() for name in next(records, [])]
        self.columns = _checked_names(path, names)

    @property
    def rows(self) -> int | None:
        """None, because only reading the file shows the number of lines."""
        return None

    def pieces(self, columns: Sequence[int], size: int) -> Iterator[list[Column]]:
        """As in `Table`. Raises: DataError for a row with fewer or more values than the header."""
        with self._records() as records:
            next(records)
            row = 1
            while piece := list(islice(records, size)):
                for place, values in enumerate(piece, row):
                    self._check(place, values, columns)
                row += len(piece)
                yield [[values[column].strip() for values in piece] for column in columns]

    def _check(self, row: int, values: Sequence[str], columns: Sequence[int]) -> None:
        if len(values) != len(self.columns):
            raise DataError(
                f"{self.path}, row {row}: {len(values)} values, but the first line names "
                f"{len(self.columns)} columns; give as many values as columns"
            )
        for column in columns:
            if not values[column].strip():
                raise missing_value(self.path, row, self.columns[column])

    @contextmanager
    def _records(self) -> Iterator[Iterator[list[str]]]:
        """The records, without blank lines. Raises: DataError naming the file and the line."""
        try:
            with (
                open_regular(self.path) as file,
                TextIOWrapper(file, "utf-8-sig", newline="") as text,
            ):
                reader = csv.reader(_lines(self.path, text), strict=True)
                yield (record for record in _numbered(self.path, reader) if record)
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {error.strerror}") from error


def _lines(path: Path, text: IO[str]) -> Iterator[str]:
    number = 1
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise DataError(
                f"{path}, line {number}: more than {MAX_LINE} characters, which is not allowed"
            )
        yield line
        number += 1


def _numbered(path: Path, reader: Any) -> Iterator[list[str]]:
    try:
        yield from reader
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, after line {reader.line_num}: not UTF-8; save the file as UTF-8"
        ) from error
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {first_line(error)}") from error


class ParquetTable:
    """A Parquet file, read by pyarrow. Columns are numbers, text or bool.

    metadata: the metadata of its schema.
    groups: number of its row groups.
    """

    def __init__(self, path: Path):
        self.path = path
        with self._opened() as file:
            metadata = file.metadata
            self.columns = _checked_names(path, list(file.schema_arrow.names))
            self.metadata: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
            self._rows = metadata.num_rows
            self.groups: int = metadata.num_row_groups
            for group in range(metadata.num_row_groups):
                size = metadata.row_group(group).total_byte_size
                if size > MAX_GROUP_BYTES:
                    raise DataError(
                        f"{path}: row group {group} has {size} bytes; write groups of at most "
                        f"{MAX_GROUP_BYTES} bytes"
                    )

    @property
    def rows(self) -> int:
        """Number of rows in the footer of the file."""
        return self._rows

    def pieces(self, columns: Sequence[int], size: int) -> Iterator[list[Column]]:
        """As in `Table`. Raises: DataError for a column of another type."""
        names = [self.columns[column] for column in columns]
        row = 1
        with self._opened() as file:
            for batch in file.iter_batches(size, columns=names, use_threads=False):
                yield [self._column(batch.column(name), name, row) for name in names]
                row += batch.num_rows

    @property
    def of_bytes(self) -> Sequence[str]:
        """The columns that hold bytes, or a struct with a field `bytes`, as files of images do."""
        with self._opened() as file:
            return [field.name for field in file.schema_arrow if _leaf(field)]

    @property
    def of_whole_numbers(self) -> Sequence[str]:
        """The columns that hold whole numbers."""
        from pyarrow import types

        with self._opened() as file:
            return [field.name for field in file.schema_arrow if types.is_integer(field.type)]

    def group(self, number: int, name: str) -> Any:
        """A column of a row group as an array of Arrow; for a struct, its field `bytes`.

        Equal bytes of many rows are kept once, as in the file. So the memory of the array is
        bounded by the size of the group.

        Raises: DataError for a damaged file.
        """
        with self._opened() as file:
            leaf = _leaf(file.schema_arrow.field(name)) or name
        with self._opened(read_dictionary=[leaf]) as file:
            table = file.read_row_group(number, columns=[leaf], use_threads=False)
            column = table.column(name).combine_chunks()
            return column if leaf == name else column.field("bytes")

    def contents(self, name: str, size: int) -> Iterator[list[bytes | None]]:
        """Yield the bytes in one of the columns `of_bytes`, at most `size` rows at a time.

        A row without bytes is None.
        """
        with self._opened() as file:
            leaf = _leaf(file.schema_arrow.field(name))
            for batch in file.iter_batches(size, columns=[leaf], use_threads=False):
                column = batch.column(name)
                yield (column if leaf == name else column.field("bytes")).to_pylist()

    def _column(self, column: Any, name: str, row: int) -> Column:
        if column.null_count:
            first = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
            raise missing_value(self.path, row + first, name)
        values = column.to_numpy(zero_copy_only=False)
        if values.dtype.kind in "biuf":
            return values
        if all(isinstance(value, str) for value in values):
            return list(values)
        raise DataError(
            f"{self.path}, column {shown(name)} is {column.type}; give numbers, text or bool"
        )

    @contextmanager
    def _opened(self, **options: Any) -> Iterator[Any]:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingDependencyError(
                f"{self.path}: Parquet needs pyarrow: pip install 'signbit[data]'"
            ) from error
        try:
            with (
                open_regular(self.path) as file,
                pyarrow.parquet.ParquetFile(file, **options) as parquet,
            ):
                yield parquet
        except OSError as error:
            reason = error.strerror or first_line(error)
            raise DataError(f"cannot read {self.path}: {reason}") from error
        except (pyarrow.ArrowException, UnicodeDecodeError, OverflowError) as error:
            raise DataError(f"{self.path}: damaged Parquet: {first_line(error)}") from error


def is_bytes(kind: Any) -> bool:
    """Whether a type of Arrow holds bytes."""
    from pyarrow import types

    return types.is_binary(kind) or types.is_large_binary(kind)


def _leaf(field: Any) -> str | None:
    """The path of a column's bytes in a Parquet file; None where it holds no bytes."""
    from pyarrow import types

    if types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
        return f"{field.name}.bytes" if is_bytes(field.type.field("bytes").type) else None
    return field.name if is_bytes(field.type) else None
