"""Samples in the rows of a table, whose columns are features or targets."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data._samples import Batch, Selection, Target, matrix, require_order
from signbit.data._tables import Column, Table
from signbit.data._values import InputEncoder, as_numbers
from signbit.errors import DataError, UsageError
from signbit.format import Input
from signbit.format.signature import CLASSES
from signbit.format.types import BITS

_MOST_NAMED = 8


class TableSamples:
    """The rows of a table for inputs and outputs, with the interface `Samples`.

    `chosen` assigns columns. Another column with the name of an output, or of one of its channels,
    is its target. All remaining columns, in their order, are the features of the only input. An
    input of rank 2 or 3 reads its numbers in order, channels last.

    Raises: UsageError or DataError where the columns do not fit the network.
    """

    def __init__(
        self, table: Table, inputs: Sequence[Input], targets: Sequence[Target], chosen: Selection
    ):
        self._table = table
        self.name = str(table.path)
        chosen.require_known(table.columns)
        self._targets = {one.name: one for one in targets}
        self._target_columns = _target_columns(table, targets, chosen)
        self._features = _feature_columns(table, inputs, self._target_columns, chosen)
        self._encoders = {one.name: InputEncoder(one, chosen.codes) for one in inputs}
        self.targets = tuple(self._target_columns)

    @property
    def count(self) -> int | None:
        """Number of rows; None where only reading the table shows it."""
        return self._table.rows

    @property
    def clipped(self) -> Mapping[str, int]:
        """As in `Samples`."""
        return {name: one.clipped for name, one in self._encoders.items()}

    def batches(self, size: int) -> Iterator[Batch]:
        """As in `Samples`. The places are the numbers of rows, from 1."""
        groups = [*self._features.values(), *self._target_columns.values()]
        if not groups:
            raise DataError(f"{self.name}: the network uses no column of this table")
        wanted = list(
            dict.fromkeys(self._table.columns.index(name) for one in groups for name in one)
        )
        row = 1
        for piece in self._table.pieces(wanted, size):
            columns = dict(zip((self._table.columns[one] for one in wanted), piece, strict=True))
            count = len(piece[0])
            yield Batch(
                [str(place) for place in range(row, row + count)],
                {name: self._encode(name, columns, row) for name in self._features},
                {name: self._decode(name, columns, row) for name in self._target_columns},
            )
            row += count
        if row == 1:
            raise DataError(f"{self.name}: no rows; give one or more")

    def _encode(self, name: str, columns: Mapping[str, Column], row: int) -> NDArray[Any]:
        encoder, names = self._encoders[name], self._features[name]
        self._require_one_meaning(encoder, names, columns)
        values = self._numbers(names, columns, row)
        shape = tuple(encoder.input.shape)

        def place(index: tuple[int, ...]) -> str:
            number = 0
            for side, at in zip(shape, index[1:], strict=True):
                number = number * side + at
            return self._place(row + index[0], names[number])

        return encoder(values.reshape(-1, *shape), place)

    def _decode(self, name: str, columns: Mapping[str, Column], row: int) -> NDArray[Any]:
        target, names = self._targets[name], self._target_columns[name]
        if target.kind == CLASSES:
            classes = columns[names[0]]
            return target.decode(classes, lambda index: self._place(row + index[0], names[0]))
        values = self._numbers(names, columns, row)
        return target.decode(values, lambda index: self._place(row + index[0], names[index[1]]))

    def _require_one_meaning(
        self, encoder: InputEncoder, names: Sequence[str], columns: Mapping[str, Column]
    ) -> None:
        """Raises: DataError where some columns of an input are codes, and others are not."""
        of_codes = [name for name in names if getattr(columns[name], "dtype", None) == np.uint8]
        others = [name for name in names if name not in of_codes]
        if encoder.codes_by_type and of_codes and others:
            raise DataError(
                f"{self.name}: column {of_codes[0]!r} is uint8, so it holds codes, and column "
                f"{others[0]!r} is not; save all columns of input {encoder.input.name!r} with one "
                "type, or give --codes if all are codes"
            )

    def _numbers(
        self, names: Sequence[str], columns: Mapping[str, Column], row: int
    ) -> NDArray[Any]:
        return matrix(
            [
                as_numbers(
                    columns[name], lambda index, name=name: self._place(row + index[0], name)
                )
                for name in names
            ]
        )

    def _place(self, row: int, column: str) -> str:
        return f"{self.name}, row {row}, column {column!r}"


def _target_columns(
    table: Table, targets: Sequence[Target], chosen: Selection
) -> dict[str, list[str]]:
    given = chosen.of_outputs([one.name for one in targets])
    found = {one.name: require_order(one, given[one.name]) for one in targets if one.name in given}
    taken = chosen.feature_columns() | set(chosen.ignored)
    owners = {column: name for name, columns in found.items() for column in columns}
    taken |= set(owners)
    for one in targets:
        columns = one.columns_in(table.columns)
        if one.name in given or not columns or taken & set(columns):
            continue
        for column in columns:
            other = owners.setdefault(column, one.name)
            if other != one.name:
                raise UsageError(
                    f"{table.path}: column {column!r} has the name of output {other!r} and of "
                    f"output {one.name!r}; assign it with --target"
                )
        found[one.name] = columns
    return found


def _feature_columns(
    table: Table,
    inputs: Sequence[Input],
    targets: Mapping[str, Sequence[str]],
    chosen: Selection,
) -> dict[str, list[str]]:
    found = chosen.of_inputs([one.name for one in inputs])
    missing = [one.name for one in inputs if one.name not in found]
    if missing and len(inputs) > 1:
        raise UsageError(
            f"{table.path}: the network has several inputs; give the columns of input "
            f"{missing[0]!r} with --features {missing[0]}=A,B,..."
        )
    taken = {column for columns in targets.values() for column in columns} | set(chosen.ignored)
    for one in inputs:
        columns = found.setdefault(one.name, [name for name in table.columns if name not in taken])
        both = [name for name in columns if name in taken]
        if both:
            raise UsageError(
                f"column {both[0]!r} is a feature, and also a target or ignored; name it only once"
            )
        if len(columns) != math.prod(one.shape):
            more = ", ..." if len(columns) > _MOST_NAMED else ""
            bits = ", or turn numbers into bits first (docs/encode.md)" if one.kind == BITS else ""
            raise DataError(
                f"{table.path} has {len(columns)} columns of features "
                f"({', '.join(columns[:_MOST_NAMED])}{more}), but input {one} needs "
                f"{math.prod(one.shape)}; choose with --features, --target and --ignore{bits}"
            )
    return found
