"""Add answers as columns to a table of Arrow."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data import Batch
from signbit.data._tables import is_bytes
from signbit.data._values import InputEncoder
from signbit.errors import DataError
from signbit.format import Input
from signbit.format.signature import takes_picture
from signbit.runtime.engine import Engine
from signbit.scoring._answers import Answer, Answerer
from signbit.scoring._open_samples import targets_of
from signbit.scoring.parts.images import answered, of_contents
from signbit.scoring.parts.job import Job
from signbit.scoring.parts.rows import arrow, cells_of, fields_of


class RowAnswerer:
    """Adds the answers of a network, and a column `error`, to the rows of Arrow tables.

    column: the column of images, for a network whose input is one image; see
        `signbit.scoring.ray.predict`.
    threads: number of threads of the engine.
    """

    def __init__(self, job: Job, column: str, threads: int):
        model = job.model()
        targets = targets_of(model, job.classes)
        self._targets, self._inputs = targets, model.inputs
        self._image = column if takes_picture(model.inputs) else None
        self._answerer = Answerer(Engine(model, threads), targets, job.threshold, job.top)
        self._fields = [arrow().field("error", arrow().string()), *fields_of(targets, job.top)]

    def __call__(self, table: Any) -> Any:
        """The table with the new columns. Raises: DataError for a column that does not fit."""
        wanted = [one.name for one in self._inputs] if self._image is None else [self._image]
        names = [field.name for field in self._fields]
        for name in wanted:
            if name not in table.column_names:
                raise DataError(
                    f"the rows have no column {name!r}; they have {', '.join(table.column_names)}"
                )
        for name in names:
            if name in table.column_names:
                raise DataError(f"the rows have a column {name!r} already; rename it")
        nothing = [None] * (len(names) - 1)
        rows = [
            [answer, *nothing]
            if isinstance(answer, str)
            else [None, *cells_of(answer, self._targets)]
            for answer in self._answers(table)
        ]
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        for field, column in zip(self._fields, columns, strict=True):
            table = table.append_column(field, arrow().array(column, field.type))
        return table

    def _answers(self, table: Any) -> Iterator[Answer | str]:
        if self._image is not None and is_bytes(table.schema.field(self._image).type):
            contents = table.column(self._image).to_pylist()
            found = answered(of_contents(contents, ""), self._answerer, self._inputs[0], len(table))
            return (answer for _, answer in found)
        inputs = {
            one.name: self._array(table, self._image or one.name, one) for one in self._inputs
        }
        return self._answerer.batches([Batch([""] * len(table), inputs)])

    def _array(self, table: Any, name: str, one: Input) -> NDArray[Any]:
        values = table.column(name).combine_chunks().to_numpy(zero_copy_only=False)
        try:
            array = np.array(values.tolist()) if values.dtype == object else values
            array = array.reshape(len(table), *one.shape)
        except ValueError as error:
            raise DataError(
                f"column {name!r} does not hold arrays of the shape {tuple(one.shape)}, which "
                f"input {one} needs"
            ) from error
        encoder = InputEncoder(one)
        encoded = encoder(array, lambda index: f"column {name!r}, row {index[0]} of its batch")
        if encoder.clipped:
            raise DataError(
                f"column {name!r}: {encoder.clipped} numbers are outside the range of the codes of "
                f"input {one.name!r}; give codes as uint8, or numbers in that range"
            )
        return encoded
