"""Compute the results of one part, with the same code on every machine."""

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
    """The file of results of a part, or the error that prevented it.

    number: the number of the part.
    content: the bytes of the Parquet file.
    rows: number of its rows.
    errors: number of rows whose sample could not be read.
    clipped: how many numbers were outside the range of an input's codes.
    problem: the error; None without one. A DataError concerns only this part. Any other error would
        occur in every part.
    """

    number: int
    content: bytes = field(default=b"", repr=False)
    rows: int = 0
    errors: int = 0
    clipped: int = 0
    problem: SignbitError | None = None

    def metadata(self, run: str) -> dict[str, str]:
        """The metadata in the footer of the file. run: the run that the part belongs to."""
        counts = {"rows": self.rows, "errors": self.errors, "clipped": self.clipped}
        return {METADATA: json.dumps({"run": run, "part": self.number, **counts})}


class PartAnswerer:
    """Computes parts of a job with one engine.

    job: the network and the options.
    run: a text that identifies the run, and is written into each file.
    threads: number of threads of the engine.

    Raises: ModelFormatError for a damaged network; UsageError for wrong options; EngineError where
        the engine lacks memory or threads.
    """

    def __init__(self, job: Job, run: str, threads: int = 1):
        model = job.model()
        self._job, self._run, self._model = job, run, model
        self._targets = targets_of(model, job.classes)
        self._answerer = Answerer(Engine(model, threads), self._targets, job.threshold, job.top)

    def __call__(self, part: Part) -> PartResult:
        """Compute a part. An error of this package is not raised; it is in the result."""
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
        """Add the rows of a shard, and return how many numbers were clipped."""
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
    """Make errors name the shard by its name in the source, not by the path of its local copy."""
    try:
        yield
    except SignbitError as error:
        raise type(error)(str(error).replace(str(path), name)) from error
