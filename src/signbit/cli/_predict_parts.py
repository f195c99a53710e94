"""`signbit predict` into a folder: it computes parts, in this process or on a cluster."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from signbit.cli._answer_samples import Outputs
from signbit.cli._model import PACKED
from signbit.cli._output import say, write_json
from signbit.cli._sample_options import SampleOptions, chosen_targets
from signbit.errors import DataError, UsageError, printable

if TYPE_CHECKING:
    from signbit.runtime.engine import Engine
    from signbit.scoring.parts import Job, Summary
    from signbit.scoring.parts.folder import Runner

_ROWS = (".csv", ".jsonl")


def is_for_parts(
    model: Path, paths: Sequence[str], out: Path | None, ray: str | None, workers: int | None
) -> bool:
    """Whether the results go into a folder of parts: with --ray, or where --out names a folder.

    The maps that a network returns are written in another way, even if --out names a folder.

    Raises: UsageError for options that exclude each other.
    """
    if ray is None and workers is not None:
        raise UsageError("--workers is for --ray; without --ray use --threads")
    if ray is not None:
        if out is None or out.suffix in _ROWS:
            raise UsageError("--ray writes a folder of Parquet files; give it with --out FOLDER")
        if model.suffix != PACKED:
            raise UsageError(
                "--ray is for packed networks, since their workers need no code of the model; pack "
                f"it first: signbit pack {printable(str(model))} -o FILE.signbit"
            )
        return True
    from signbit.scoring import is_file_of_samples

    tables = [
        one for one in paths if is_file_of_samples(one) and not one.lower().endswith(".parquet")
    ]
    is_folder = out is not None and (out.is_dir() or not out.suffix)
    return is_folder and model.suffix == PACKED and not tables


def has_maps(engine: "Engine") -> bool:
    """Whether a network returns maps or sequences."""
    return any(one.rank > 1 for one in engine.outputs)


def predict_to_folder(
    engine: "Engine",
    model: Path,
    paths: Sequence[str],
    options: SampleOptions,
    classes: str | None,
    places: Outputs,
    top: int,
    batch_size: int,
    runner: "Runner",
) -> None:
    """Write the rows of all samples as Parquet, and print a summary."""
    from signbit.progress import progress_bar
    from signbit.scoring.parts import find_parts, predict_parts

    if places.csv is not None:
        raise UsageError("--csv and --out FOLDER both say where the rows go; give only one")
    if len(paths) != 1:
        raise UsageError(
            f"{len(paths)} paths of samples for one folder of results; give one file, one folder, "
            "or a pattern in quotes, such as 'FOLDER/*.tar'"
        )
    if options.front_end is not None:
        raise UsageError(
            "--front-end is for WAV files, whose predictions cannot go into a folder; leave out "
            "--out FOLDER"
        )
    job = _job(engine, model, paths[0], options, classes, top, batch_size)
    parts = find_parts(paths[0])
    with progress_bar("predicting parts", len(parts)) as advance:
        summary = predict_parts(parts, job, places.out or Path(), runner, advance)
    _print(summary)
    write_json(places.json, {"model": str(model), **asdict(summary)})
    if summary.errors == summary.rows:
        raise DataError(
            f"none of the {summary.rows} samples could be read; the column 'error' of the results "
            "says why"
        )


def chosen_runner(ray: str | None, workers: int | None, threads: int | None) -> "Runner":
    """The function that computes the parts: in this process, or on a cluster.

    threads: of the engine in each process; None means 1.
    """
    if ray is not None:
        from signbit.scoring.ray import runner

        return runner(ray, workers, 1 if threads is None else threads)
    from signbit.scoring.parts import PartAnswerer

    count = 1 if threads is None else threads
    return lambda job, run, parts: map(PartAnswerer(job, run, count), parts)


def _job(
    engine: "Engine",
    model: Path,
    source: str,
    options: SampleOptions,
    classes: str | None,
    top: int,
    batch_size: int,
) -> "Job":
    from signbit.format.file import to_bytes
    from signbit.format.signature import CLASSES
    from signbit.scoring.parts import Job

    near = [] if "://" in source else [Path(source), Path(source).parent]
    targets = chosen_targets(engine, classes, [*near, model.parent])
    named = [one.names for one in targets if one.kind == CLASSES and one.named]
    names = tuple(named[0]) if len(named) == 1 else None
    chosen = options.selection(engine)
    content = to_bytes(engine.model)
    return Job(content, names, chosen, options.threshold, top, batch_size)


def _print(summary: "Summary") -> None:
    unreadable = f", {summary.errors} unreadable" if summary.errors else ""
    say(f"{summary.rows} samples in {summary.parts} parts{unreadable}")
    rate = summary.computed_rows / max(summary.seconds, 1e-9)
    before = summary.parts - summary.computed
    kept = f"; {before} parts were there already" if before else ""
    say(
        f"computed {summary.computed_rows} samples in {summary.seconds:.1f} s, "
        f"{rate:.0f} samples/s{kept}",
        err=True,
    )
    if summary.clipped:
        say(
            f"signbit: {summary.clipped} numbers are outside the range of the codes of an input, "
            "and count as the nearest end of that range; if the numbers are codes themselves, give "
            "--codes",
            err=True,
        )
