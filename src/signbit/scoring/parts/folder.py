"""The folder for the results of parts. Each part is written once, whole or not at all."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from signbit import strict_json
from signbit.errors import DataError, OutputError, UsageError, first_line
from signbit.files import atomic_write, open_regular, read_regular, remove_leftovers
from signbit.folder_lock import LOCK_FILE, lock
from signbit.own_files import strangers
from signbit.scoring.parts.answerer import METADATA, PartResult
from signbit.scoring.parts.job import Job
from signbit.scoring.parts.rows import arrow
from signbit.scoring.parts.source import Part

RUN, DONE = "_run.json", "_done.json"
_MOST_BYTES = 1 << 20

Runner = Callable[[Job, str, Sequence[Part]], Iterable[PartResult]]


@dataclass(frozen=True)
class Summary:
    """The content of the folder of a complete run.

    parts: number of parts.
    rows: number of rows of all parts.
    errors: number of rows whose sample could not be read.
    clipped: how many numbers were outside the range of an input's codes.
    computed: number of parts that this call computed; the others were there before.
    computed_rows: number of rows of these parts.
    seconds: the time of this call.
    """

    parts: int
    rows: int
    errors: int
    clipped: int
    computed: int
    computed_rows: int
    seconds: float


def predict_parts(
    parts: Sequence[Part],
    job: Job,
    out: Path,
    runner: Runner,
    advance: Callable[[int], None] = lambda count: None,
) -> Summary:
    """Compute the parts that are not in the folder `out` yet, and write each when it is complete.

    parts: all parts, from `find_parts`.
    job: the network and the options.
    out: the folder for the results; it is made if it is missing.
    runner: a function from the job, the name of the run and some parts to their results, which may
        come in any order.
    advance: called with the number of parts that have become complete.

    Raises: UsageError where the folder holds other files, or where the options do not fit the data;
        DataError where parts cannot be computed (all other parts are complete then, and another
        call continues); OutputError where the folder cannot be written.
    """
    job.check(parts[0].kind)
    arrow()
    identity = job.identity(parts)
    start = time.perf_counter()
    with lock(out):
        _claim(out, identity, len(parts))
        run = json.dumps(identity)
        found = _complete(out, run, parts)
        advance(len(found))
        wanted = [part for part in parts if part.number not in found]
        problems: list[DataError] = []
        computed = []
        for result in _each_once(runner(job, run, wanted) if wanted else ()):
            if isinstance(result.problem, DataError):
                problems.append(result.problem)
                continue
            if result.problem is not None:
                raise result.problem
            atomic_write(out / file_name(result.number), result.content)
            computed.append(replace(result, content=b""))
            advance(1)
        if problems or len(computed) != len(wanted):
            raise _incomplete(problems, len(wanted) - len(computed), len(parts))
        everything = [*found.values(), *computed]
        counts = {
            "parts": len(parts),
            **{
                name: sum(getattr(one, name) for one in everything)
                for name in ("rows", "errors", "clipped")
            },
        }
        atomic_write(out / DONE, json.dumps(counts) + "\n")
    rows = sum(one.rows for one in computed)
    return Summary(**counts, computed=len(computed), computed_rows=rows, seconds=_since(start))


def file_name(number: int) -> str:
    """The name of the file of a part."""
    return f"part-{number:06d}.parquet"


def _since(start: float) -> float:
    return time.perf_counter() - start


def _each_once(results: Iterable[PartResult]) -> Iterator[PartResult]:
    seen: set[int] = set()
    for result in results:
        if result.number not in seen:
            seen.add(result.number)
            yield result


def _incomplete(problems: Sequence[DataError], missing: int, parts: int) -> DataError:
    first = str(problems[0]) if problems else "a worker returned nothing"
    return DataError(
        f"{first}. Parts without a result: {missing} of {parts}; the others are written. Correct "
        "the data and give the same command again"
    )


def _claim(out: Path, identity: Mapping[str, Any], parts: int) -> None:
    """Mark the folder as that of this run. Raises: UsageError where it is not empty or ours."""
    ours = {RUN, DONE, LOCK_FILE, *map(file_name, range(parts))}
    try:
        remove_leftovers(out)
        known = _read(out / RUN)
        others = strangers(out, ours if known == identity else {LOCK_FILE})
    except OSError as error:
        raise OutputError(f"cannot read {out}: {error.strerror}") from error
    if known is not None and known != identity:
        differ = [key for key in identity if known.get(key) != identity[key]]
        raise UsageError(
            f"--out {out} holds another run ({', '.join(differ)} differ); give a new folder, or to "
            "continue that run the same MODEL, source and options"
        )
    if others:
        raise UsageError(
            f"--out {out} holds {others[0]}, which is not of this run; give a new folder"
        )
    if known is None:
        atomic_write(out / RUN, json.dumps(identity) + "\n")


def _read(path: Path) -> dict[str, Any] | None:
    """The description of a run; None where there is none. Raises: UsageError, OSError."""
    try:
        known = strict_json.loads(read_regular(path, _MOST_BYTES))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {first_line(error)}; give a new folder") from error
    if not isinstance(known, dict):
        raise UsageError(f"{path} does not describe a run of signbit; give a new folder")
    return known


def _complete(out: Path, run: str, parts: Sequence[Part]) -> dict[int, PartResult]:
    """The parts whose files exist, without their contents. Raises: DataError."""
    found = {}
    for part in parts:
        path = out / file_name(part.number)
        if path.exists():
            found[part.number] = _from_footer(path, run, part.number)
    return found


def _from_footer(path: Path, run: str, number: int) -> PartResult:
    pa = arrow()
    try:
        with open_regular(path) as file:
            footer = pa.parquet.read_metadata(file)
        said = strict_json.loads((footer.metadata or {})[METADATA.encode()])
        result = PartResult(number, b"", said["rows"], said["errors"], said["clipped"])
        whole = result.metadata(run)[METADATA] == json.dumps(said)
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        whole = False
    if not whole or footer.num_rows != result.rows:
        raise DataError(f"{path} is damaged, or of another run; remove it to compute it again")
    return result
