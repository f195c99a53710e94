"""Classify image files."""

import json as json_module
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from signbit.cli._answer_samples import Outputs, answer_samples, rows_file
from signbit.cli._app import commands
from signbit.cli._classes import Classes, choose_classes
from signbit.cli._examples import examples
from signbit.cli._labels import check_labels, folders_of_names, names_of_numbers
from signbit.cli._model import RunnablePath, open_runnable
from signbit.cli._options import BatchSize, Device, Json, ModelName, Settings, Threads, Zeros
from signbit.cli._output import (
    percent,
    require_distinct,
    require_suffix,
    say,
    write_json,
)
from signbit.cli._predict_parts import chosen_runner, has_maps, is_for_parts, predict_to_folder
from signbit.cli._ray_option import RayAddress, Workers
from signbit.cli._rows import WriteCells, cell_writer, opened_rows, row_progress
from signbit.cli._sample_options import (
    DEFAULT_THRESHOLD,
    Codes,
    Features,
    FrontEndText,
    Ignored,
    SampleOptions,
    Targets,
    Threshold,
    packed_of_other_task,
)
from signbit.errors import DataError

if TYPE_CHECKING:
    from signbit.scoring import Prediction, PredictionTally

Write = Callable[["Prediction"], None]
MOST_WRONG = 10


@commands.register("predict")
@examples(
    "signbit predict digits.signbit pictures",
    "signbit predict runs/digits pictures --top 3 --out predictions.csv",
)
def predict(
    path: RunnablePath,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Image files, or folders of image files. For packed networks also one .csv, "
            ".parquet, .npy or .npz file, or WAV files. With --out FOLDER: one file, folder, "
            "pattern or URL, of images, .parquet shards or .tar shards.",
        ),
    ],
    top: Annotated[
        int, typer.Option("--top", min=1, help="Number of likeliest classes for each image.")
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.csv|FILE.jsonl|FOLDER",
            help="File for the predictions, or a folder for Parquet files of predictions. For a "
            "network that returns maps, a new folder for the maps.",
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE.csv",
            help="File for the predictions, where --out is the folder for maps.",
        ),
    ] = None,
    batch_size: BatchSize = 64,
    device: Device = "cpu",
    threads: Threads = None,
    model: ModelName = None,
    settings: Settings = None,
    classes: Classes = None,
    zeros: Zeros = None,
    json: Json = None,
    features: Features = None,
    targets: Targets = None,
    ignored: Ignored = None,
    codes: Codes = False,
    threshold: Threshold = DEFAULT_THRESHOLD,
    front_end: FrontEndText = None,
    ray: RayAddress = None,
    workers: Workers = None,
) -> None:
    """Classify image files of any size and mode, or write the answers of a network of another task.

    Folders are searched for images. Each image has one line, in a stable order. The line has its
    path, its true class if it is known, and the likeliest classes with their probabilities. The
    true class is known if the file is named <label>_<index>.<ext>, or if its folder has the name of
    a class. With --out, the lines go to that file, and the summary goes to standard output. Without
    --out, the lines go to standard output, as CSV, and the summary goes to standard error.

    The names of the classes come from --classes, else from the model, else from a classes.txt next
    to the images (`signbit images` writes one) or next to the model. Without any of these, classes
    are numbers. If the label of a file is a number, it is the number of a line in the images'
    classes.txt, counted from 0. Without such a file it is the number of a class of the model.

    A file that cannot be read is reported on standard error and counted, and the other files are
    still classified. The exit code is 1 if no file can be read. --json writes the summary, with
    lists of the wrong answers and of the unreadable files.

    For a packed network of another task, the kind of each output decides what is written: classes
    as above; labels with their probabilities; numbers; maps as pictures in the folder --out, with
    overlays on the images. docs/tasks.md explains these tasks.

    With --out FOLDER, a packed network writes its rows as Parquet files, one for each shard or for
    each 1000 images. With --ray, many processes or machines compute them, and the files are the
    same, byte for byte. After a stop, the same command continues where the stopped one was.
    docs/scale.md explains it.
    """
    from signbit.data import image_files
    from signbit.runtime.engine import Engine
    from signbit.scoring import PredictionTally, Unreadable, class_names, is_file_of_samples
    from signbit.scoring import predict as run

    require_distinct(model=path, out=out, csv=csv, json=json)
    if csv is not None:
        require_suffix("--csv", csv, ".csv")
    in_parts = is_for_parts(path, sources, out, ray, workers)
    trained, source = open_runnable(path, model, settings, device, threads, zeros)
    options = SampleOptions(features, targets, ignored, codes, threshold, front_end)
    places = Outputs(out, csv, json)
    if in_parts and isinstance(trained, Engine) and (ray is not None or not has_maps(trained)):
        runner = chosen_runner(ray, workers, trained.threads if ray is None else threads)
        predict_to_folder(
            trained, source, sources, options, classes, places, top, batch_size, runner
        )
        return
    paths = [Path(one) for one in sources]
    engine = packed_of_other_task(trained, any(map(is_file_of_samples, paths)))
    if engine is not None:
        answer_samples(engine, source, paths, options, classes, places, top, batch_size)
        return
    options.refuse_any()
    out = rows_file(out, csv)
    files = image_files(paths)
    folders = folders_of_names(paths, files)
    names = choose_classes(trained, classes, [*folders, source.parent])
    if names is None:
        names = class_names(trained)
        say("signbit: the model has no class names; give some with --classes", err=True)
    numbers = names_of_numbers(folders, names)
    check_labels(files, names, numbers)
    tally, start = PredictionTally(), time.perf_counter()
    top = min(top, len(names))
    with _lines(out, top) as write, row_progress(len(files), out) as advance:
        for outcome in run(trained, files, names, top, batch_size, numbers):
            tally.add(outcome)
            if isinstance(outcome, Unreadable):
                say(f"signbit: skipped {outcome.reason}", err=True)
            else:
                write(outcome)
            advance(1)
    seconds = time.perf_counter() - start
    _print(tally, seconds, err=out is None)
    write_json(json, {"model": str(source), **tally.to_dict(seconds)})
    if not tally.images:
        raise DataError(f"none of the {len(files)} files could be read")


@contextmanager
def _lines(out: Path | None, top: int) -> Iterator[Write]:
    """A function that writes the line of a prediction. Its file is written whole or not at all."""
    with opened_rows(out) as (file, show):
        as_json = out is not None and out.suffix == ".jsonl"
        yield _jsonl_writer(file) if as_json else _csv_writer(cell_writer(file, show), top)


def _csv_writer(write_cells: WriteCells, top: int) -> Write:
    more = [f"{name}_{rank}" for rank in range(2, top + 1) for name in ("class", "probability")]
    write_cells(["path", "true", "class", "probability", *more])

    def write(prediction: "Prediction") -> None:
        cells = [str(prediction.path), prediction.true or ""]
        cells += [cell for name, share in prediction.top for cell in (name, f"{share:.6f}")]
        write_cells(cells)

    return write


def _jsonl_writer(file: TextIO) -> Write:
    def write(prediction: "Prediction") -> None:
        top = [{"class": name, "probability": share} for name, share in prediction.top]
        line = {"path": str(prediction.path), "true": prediction.true, "top": top}
        file.write(json_module.dumps(line) + "\n")

    return write


def _print(tally: "PredictionTally", seconds: float, err: bool) -> None:
    parts = [f"{tally.images} images in {seconds:.1f} s"]
    if tally.unreadable:
        parts.append(f"{len(tally.unreadable)} unreadable")
    if tally.top1 is not None:
        known = "" if tally.labelled == tally.images else f" of the {tally.labelled} labelled"
        parts.append(f"top-1 {percent(tally.top1)}{known}")
        parts.append(f"error rate {percent(1 - tally.top1)} ({len(tally.wrong)} wrong)")
    say(", ".join(parts), err=err)
    for wrong in tally.wrong[:MOST_WRONG]:
        say(f"wrong: {wrong['path']} is {wrong['true']}, predicted {wrong['predicted']}", err=err)
    if len(tally.wrong) > MOST_WRONG:
        say(f"and {len(tally.wrong) - MOST_WRONG} more; --json FILE lists all", err=err)
