"""Answers as rows of Arrow and as the bytes of a Parquet file."""

import io
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from signbit.data import Target
from signbit.errors import DataError, MissingDependencyError
from signbit.format.signature import CLASSES, LABELS
from signbit.scoring._answers import Answer, ClassAnswer, LabelAnswer, NumberAnswer
from signbit.scoring.parts.job import OWN_COLUMNS, columns_of_all

# This number is fixed, so that the bytes of a file do not depend on the size of batches.
ROWS_IN_GROUP = 1 << 16
MAX_PART_BYTES = 1 << 30


def arrow() -> ModuleType:
    """The module pyarrow. Raises: MissingDependencyError."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError(
            "results in Parquet need pyarrow: pip install 'signbit[data]'"
        ) from error
    return pyarrow


def fields_of(targets: Sequence[Target], top: int) -> list[Any]:
    """The Arrow fields of the answers. They are null in rows with an error."""
    pa = arrow()
    types: list[Any] = []
    for one in targets:
        if one.kind == CLASSES:
            types += [pa.string(), pa.float32()] * min(top, len(one.names))
        elif one.kind == LABELS:
            types += [pa.list_(pa.string()), *[pa.float32()] * len(one.names)]
        else:
            types += [pa.float64()] * len(one.names)
    return [pa.field(*pair) for pair in zip(columns_of_all(targets, top), types, strict=True)]


def cells_of(answer: Answer, targets: Sequence[Target]) -> list[Any]:
    """The values of the fields of an answer."""
    cells: list[Any] = []
    for one in targets:
        given = answer.outputs[one.name]
        if isinstance(given, ClassAnswer):
            cells += [cell for pair in given.top for cell in pair]
        elif isinstance(given, LabelAnswer):
            cells += [list(given.labels), *(share for _, share in given.probabilities)]
        elif isinstance(given, NumberAnswer):
            cells += [number for _, number in given.numbers]
    return cells


class PartRows:
    """Collects the rows of a part: `file`, `sample`, `error`, and the columns of the outputs."""

    def __init__(self, targets: Sequence[Target], top: int):
        self._arrow, self._targets = arrow(), targets
        fields = fields_of(targets, top)
        own = [self._arrow.field(name, self._arrow.string()) for name in OWN_COLUMNS]
        self._schema = self._arrow.schema([*own, *fields])
        self._nothing: list[Any] = [None] * len(fields)
        self._file = io.BytesIO()
        self._writer = self._arrow.parquet.ParquetWriter(self._file, self._schema)
        self._rows: list[list[Any]] = []
        self.count = self.errors = 0

    def add(self, file: str, sample: str | None, answer: Answer | str) -> None:
        """Add a row. answer: the answer, or a text that says what is wrong with the sample.

        Raises: DataError where the part becomes too large.
        """
        self.count += 1
        if isinstance(answer, str):
            self.errors += 1
            self._rows.append([file, sample, answer, *self._nothing])
        else:
            self._rows.append([file, sample, None, *cells_of(answer, self._targets)])
        if len(self._rows) == ROWS_IN_GROUP:
            self._flush()

    def finish(self, metadata: Mapping[str, str]) -> bytes:
        """The bytes of the Parquet file. metadata: written into its footer."""
        if self._rows:
            self._flush()
        self._writer.add_key_value_metadata(metadata)
        self._writer.close()
        return self._file.getvalue()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [
            self._arrow.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.table(arrays, schema=self._schema))
        self._rows.clear()
        if self._file.tell() > MAX_PART_BYTES:
            raise DataError(
                f"the results of a shard have more than {MAX_PART_BYTES} bytes; split it into "
                "smaller shards"
            )
