"""Compute the results of one part; the same function on every machine."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signbit.data._table_samples import TableSamples
from signbit.data._tables import ParquetTable, open_table
from signbit.data._tar import shown_name
from signbit.errors import DataError, SignbitError
from signbit.files import open_regular
from signbit.format.signature import takes_picture
from signbit.runtime.engine import Engine
from signbit.scoring._answers import Answerer
from signbit.scoring._open_samples import targets_of
from signbit.scoring.parts import images
from signbit.scoring.parts.job import Job
from signbit.scoring.parts.rows import PartRows
from signbit.scoring.parts.source import IMAGES, TAR, Part
from signbit.scoring.parts.store import Store, UnreachableError

METADATA = "signbit"


@dataclass(frozen=True)
class PartResult:
    """The file of a part, or the error that stood in its way.

    content: of the Parquet file.
    errors: rows of samples that could not be read.
    clipped: numbers that were outside the codes of an input.
    problem: a DataError concerns this part alone; any other error would come again in each.
    """

    number: int
    content: bytes = field(default=b"", repr=False)
    rows: int = 0
    errors: int = 0
    clipped: int = 0
    problem: SignbitError | None = None

    def metadata(self, run: str) -> dict[str, str]:
        """What the footer of the file says about it. run: the run that the part belongs to."""
        counts = {"rows": self.rows, "errors": self.errors, "clipped": self.clipped}
        return {METADATA: json.dumps({"run": run, "part": self.number, **counts})}


class PartAnswerer:
    """Computes parts of a job with one engine.

    run: a text that is written into each file, and tells runs apart.
    threads: of the engine.

    Raises: ModelFormatError, UsageError, EngineError.
    """

    def __init__(self, job: Job, run: str, threads: int = 1):
        model = job.model()
        self._job, self._run, self._model = job, run, model
        self._targets = targets_of(model, job.classes)
        self._answerer = Answerer(Engine(model, threads), self._targets, job.threshold, job.top)

    def __call__(self, part: Part) -> PartResult:
        """The result of a part; errors of this package are in it, not raised."""
        try:
            return self._result(part)
        except UnreachableError as error:
            return PartResult(part.number, problem=DataError(str(error)))
        except SignbitError as error:
            return PartResult(part.number, problem=error)

    def _result(self, part: Part) -> PartResult:
        store, rows = Store(part), PartRows(self._targets, self._job.top)
        clipped = 0
        if part.kind == IMAGES:
            self._add(rows, images.files(part, store))
        else:
            name, size = part.files[0]
            with store.path(name, size) as path, _named(path, shown_name(name)):
                clipped = self._shard(rows, part.kind, path, shown_name(name))
        counted = PartResult(part.number, b"", rows.count, rows.errors, clipped)
        content = rows.finish(counted.metadata(self._run))
        return PartResult(part.number, content, rows.count, rows.errors, clipped)

    def _shard(self, rows: PartRows, kind: str, path: Path, name: str) -> int:
        """Add the rows of a shard; returns how many numbers were clipped."""
        if kind == TAR:
            with _opened(path, name) as file:
                self._add(rows, images.members(file, name))
            return 0
        table = open_table(path)
        if takes_picture(self._model.inputs) and isinstance(table, ParquetTable):
            chosen = [one for _, columns in self._job.chosen.features for one in columns]
            if chosen or table.of_bytes:
                column = images.column_of_images(table, chosen, name)
                self._add(rows, images.rows(table, column, name, self._job.batch_size))
                return 0
        samples = TableSamples(table, self._model.inputs, self._targets, self._job.chosen)
        for answer in self._answerer.batches(samples.batches(self._job.batch_size)):
            rows.add(name, answer.place, answer)
        return sum(samples.clipped.values())

    def _add(self, rows: PartRows, items: Iterable[images.Item]) -> None:
        one = self._model.inputs[0]
        found = images.answered(items, self._answerer, one, self._job.batch_size)
        for item, answer in found:
            rows.add(item.file, item.sample, answer)


def _opened(path: Path, name: str) -> Any:
    try:
        return open_regular(path)
    except OSError as error:
        raise UnreachableError(f"cannot read {name}: {error.strerror}") from error


@contextmanager
def _named(path: Path, name: str) -> Iterator[None]:
    """Errors name the shard as the source has it, not the place that it was fetched to."""
    try:
        yield
    except SignbitError as error:
        raise type(error)(str(error).replace(str(path), name)) from error
