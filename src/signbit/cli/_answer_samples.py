"""`signbit predict` for packed networks of any task."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signbit.cli._answer_rows import AnswerRows
from signbit.cli._labels import check_labels, folders_of_names, names_of_numbers
from signbit.cli._output import percent, require_suffix, say, write_json
from signbit.cli._rows import row_progress
from signbit.cli._sample_options import SampleOptions, chosen_targets, note_clipped
from signbit.errors import DataError, UsageError

if TYPE_CHECKING:
    from signbit.data import Target
    from signbit.runtime.engine import Engine
    from signbit.scoring import Answer, Answerer, Unreadable

_ROWS = (".csv", ".jsonl")
_MOST_WRONG = 10


@dataclass(frozen=True)
class Outputs:
    """The values of --out, --csv and --json."""

    out: Path | None
    csv: Path | None
    json: Path | None

    def folder(self, maps: bool) -> Path | None:
        """The folder for maps; None where the network returns none.

        Raises: UsageError where the network returns maps and --out names no folder, where it
            returns none and --out names one, or where the folder is not empty.
        """
        named = self.out is not None and self.out.suffix not in _ROWS
        if not maps:
            if named:
                require_suffix("--out", self.out or Path(), *_ROWS)
            return None
        if not named or self.out is None:
            raise UsageError(
                "the network returns maps or sequences; give a folder for them with --out DIR, and "
                "a file for the rows with --csv FILE.csv"
            )
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(f"--out {self.out} is a file; give a new or an empty folder")
        if self.out.is_dir() and any(self.out.iterdir()):
            raise UsageError(f"--out {self.out} is not empty; give a new or an empty folder")
        return self.out


def rows_file(out: Path | None, csv: Path | None) -> Path | None:
    """The file for rows. Raises: UsageError for two files, or for another kind of file."""
    if out is not None:
        require_suffix("--out", out, *_ROWS)
    if out is not None and csv is not None:
        raise UsageError("--out and --csv both name a file for the predictions; give only one")
    return csv if out is None else out


def answer_samples(
    engine: "Engine",
    source: Path,
    paths: Sequence[Path],
    options: SampleOptions,
    classes: str | None,
    places: Outputs,
    top: int,
    batch_size: int,
) -> None:
    """Write the answers for all samples, and print a summary."""
    from signbit.scoring import Unreadable

    opened = _open(engine, source, paths, options, classes, top, batch_size)
    maps = any(one.is_map for one in opened.targets)
    folder = places.folder(maps)
    out = rows_file(None if maps else places.out, places.csv)
    tally, start = _Tally(), time.perf_counter()
    with (
        AnswerRows(out, folder, opened.column, opened.targets, opened.answerer, top) as rows,
        row_progress(opened.count, out) as advance,
    ):
        for answer in opened.answers:
            tally.add(answer, opened.answerer)
            if isinstance(answer, Unreadable):
                say(f"signbit: skipped {answer.reason}", err=True)
            else:
                rows.write(answer)
            advance(1)
    seconds = time.perf_counter() - start
    clipped = {name: count for name, count in opened.clipped().items() if count}
    note_clipped(engine, clipped)
    tally.print(seconds, err=out is None)
    write_json(places.json, {"model": str(source), **tally.to_dict(seconds), "clipped": clipped})
    if not tally.samples:
        raise DataError(f"none of the {len(tally.unreadable)} files could be read")


@dataclass(frozen=True)
class _Opened:
    """Answers, which are computed one after the other as they are read, and facts about them.

    column: header of the first column of the rows: path, row or sample.
    count: number of samples; None where it is not known before they are read.
    clipped: returns, for each input, how many numbers so far were outside the codes.
    """

    column: str
    count: int | None
    targets: Sequence["Target"]
    answerer: "Answerer"
    answers: Iterator["Answer | Unreadable"]
    clipped: Callable[[], Mapping[str, int]]


def _open(
    engine: "Engine",
    source: Path,
    paths: Sequence[Path],
    options: SampleOptions,
    classes: str | None,
    top: int,
    batch_size: int,
) -> _Opened:
    from signbit.scoring import TABLES, Answerer, is_file_of_samples, open_file

    if not any(map(is_file_of_samples, paths)):
        return _open_files(engine, source, paths, options, classes, top, batch_size)
    if len(paths) > 1:
        raise UsageError(
            f"{len(paths)} paths, of which one is a table or an array file; give such a file alone"
        )
    if options.front_end is not None:
        raise UsageError("--front-end is for WAV files; leave it out for tables and arrays")
    targets = chosen_targets(engine, classes, [source.parent, paths[0].parent])
    samples = open_file(engine.model, paths[0], targets, options.selection(engine))
    answerer = Answerer(engine, targets, options.threshold, top)
    answers = answerer.batches(samples.batches(batch_size))
    column = "row" if paths[0].suffix.lower() in TABLES else "sample"
    return _Opened(column, samples.count, targets, answerer, answers, lambda: samples.clipped)


def _open_files(
    engine: "Engine",
    source: Path,
    paths: Sequence[Path],
    options: SampleOptions,
    classes: str | None,
    top: int,
    batch_size: int,
) -> _Opened:
    from signbit.data import image_files
    from signbit.data._masks import without_masks
    from signbit.data._sounds import SUFFIXES
    from signbit.format.signature import CLASSES
    from signbit.scoring import Answerer, file_reader

    _refuse_columns(options)
    front_end = options.chosen_front_end()
    read, clips = file_reader(engine.model, front_end)
    files = image_files(paths) if front_end is None else image_files(paths, "WAV", SUFFIXES)
    folders = folders_of_names(paths, files)
    targets = chosen_targets(engine, classes, [*folders, source.parent])
    if front_end is None and any(one.is_map and one.kind == CLASSES for one in targets):
        files = without_masks(paths, files)
    answerer = Answerer(engine, targets, options.threshold, top)
    numbers = None
    if answerer.classes is not None:
        names = tuple(answerer.classes.names)
        numbers = names_of_numbers(folders, names)
        check_labels(files, names, numbers)
    answers = answerer.files(files, read, batch_size, numbers)
    name = engine.inputs[0].name
    return _Opened("path", len(files), targets, answerer, answers, lambda: {name: clips()})


def _refuse_columns(options: SampleOptions) -> None:
    if options.features or options.targets or options.ignored or options.codes:
        raise UsageError(
            "--features, --target, --ignore and --codes are for tables and arrays; leave them out"
        )


class _Tally:
    """The counts of all answers, and lists of the wrong and of the unreadable files."""

    # A table may have any number of rows, and memory must not grow with it.
    MOST_LISTED = 10_000

    def __init__(self):
        self.samples = self.labelled = self.wrong_count = 0
        self.wrong: list[dict[str, str]] = []
        self.unreadable: list[dict[str, str]] = []

    def add(self, answer: "Answer | Unreadable", answerer: "Answerer") -> None:
        from signbit.scoring import ClassAnswer, Unreadable

        if isinstance(answer, Unreadable):
            self.unreadable.append({"path": str(answer.path), "reason": answer.reason})
            return
        self.samples += 1
        if answer.true is None or answerer.classes is None:
            return
        self.labelled += 1
        given = answer.outputs[answerer.classes.name]
        predicted = given.top[0][0] if isinstance(given, ClassAnswer) else ""
        if predicted != answer.true:
            self.wrong_count += 1
            if len(self.wrong) < self.MOST_LISTED:
                line = {"place": answer.place, "true": answer.true, "predicted": predicted}
                self.wrong.append(line)

    @property
    def top1(self) -> float | None:
        return 1 - self.wrong_count / self.labelled if self.labelled else None

    def to_dict(self, seconds: float) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "unreadable": len(self.unreadable),
            "labelled": self.labelled,
            **({} if self.top1 is None else {"top1": self.top1}),
            "seconds": seconds,
            "wrong": self.wrong,
            "unreadable_files": self.unreadable,
        }

    def print(self, seconds: float, err: bool) -> None:
        parts = [f"{self.samples} samples in {seconds:.1f} s"]
        if self.unreadable:
            parts.append(f"{len(self.unreadable)} unreadable")
        if self.top1 is not None:
            parts.append(f"top-1 {percent(self.top1)} of {self.labelled} with a known class")
        say(", ".join(parts), err=err)
        for one in self.wrong[:_MOST_WRONG]:
            text = f"wrong: {one['place']} is {one['true']}, predicted {one['predicted']}"
            say(text, err=err)
        if self.wrong_count > _MOST_WRONG:
            say(f"and {self.wrong_count - _MOST_WRONG} more; --json FILE lists them", err=err)
