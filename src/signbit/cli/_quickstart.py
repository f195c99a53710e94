"""The main job from end to end, on the digits that come with the package."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray

from signbit import load as load_packed
from signbit.data import image_files, load, read_image, write_images
from signbit.errors import OutputError, printable
from signbit.export import export, export_state, make_request
from signbit.files import atomic_write
from signbit.models import TrainedModel, load_model, parameters_of
from signbit.own_files import files_in, listed_files, strangers
from signbit.pack import pack
from signbit.plots.confusion import draw_confusion
from signbit.plots.samples import COLUMNS, draw_samples
from signbit.runtime.engine import Engine
from signbit.scoring import Classifier, Evaluation, Prediction, PredictionTally, evaluate, predict
from signbit.train import Run, load_recipe, train

MARKER = "quickstart.json"
PACKED = "digits.signbit"
MADE = {MARKER, PACKED, "run/", "images/", "parameters/", "c/", "confusion.png", "samples.png"}
SHOWN = 40
CHECKED = 64
GOLDEN = 4
TIMED = 100


@dataclass(frozen=True)
class Quickstart:
    """The results of a quickstart, whose files are in `folder`.

    seconds: time of the training alone.
    bits: number of binary weights, which have one bit each in the packed file.
    reals: number of all other parameters.
    packed: evaluation of the packed network on the same images.
    file_bytes: size of the packed file.
    torch_seconds, engine_seconds: median time for one image on one thread.
    """

    folder: Path
    seconds: float
    epochs: int
    evaluation: Evaluation
    tally: PredictionTally
    bits: int
    reals: int
    packed: Evaluation
    file_bytes: int
    torch_seconds: float
    engine_seconds: float


def quickstart(folder: Path) -> Quickstart:
    """Train on the digits, evaluate, classify image files, extract, pack, run, export, draw.

    The folder must be new, empty, or the folder of an earlier quickstart, whose files are replaced.

    Raises: OutputError where the folder holds any other file, or cannot be written.
    """
    _prepare(folder)
    start = time.perf_counter()
    metrics = train(Run(load_recipe("digits"), "digits_binary", "digits", folder / "run"))
    seconds = time.perf_counter() - start
    model, test = load_model(folder / "run"), load("digits", "test")
    evaluation = evaluate(model, test)
    figures, title = evaluation.figures, f"digits, {len(test.labels)} images held out"
    draw_confusion(figures.confusion, evaluation.classes, folder / "confusion.png", title)
    write_images([test], folder / "images", "png")
    tally = _predict_files(model, folder)
    parameters = parameters_of(model)
    export_state(parameters, "txt", folder / "parameters")
    bits = sum(array.size for array in parameters.binary.values())
    every = sum(array.size for array in parameters.arrays.values())
    epochs = int(metrics["epoch"])
    packed = pack(model.module, model.preprocessing, samples=test.images[:CHECKED])
    packed.save(folder / PACKED)
    export(make_request(packed, "digits", test.images[:GOLDEN]), "c", folder / "c")
    result = evaluation.to_dict() | {"files": sorted(files_in(folder))}
    atomic_write(folder / MARKER, json.dumps(result, indent=1) + "\n")
    engine = load_packed(folder / PACKED)
    return Quickstart(
        folder,
        seconds,
        epochs,
        evaluation,
        tally,
        bits,
        every - bits,
        evaluate(engine, test),
        (folder / PACKED).stat().st_size,
        *_times(model, engine, test.images[:1]),
    )


def _times(model: TrainedModel, engine: Engine, image: NDArray[np.uint8]) -> tuple[float, float]:
    """Median seconds for one image in torch and on the engine, measured in turn on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = [(_seconds(model, image), _seconds(engine, image)) for _ in range(TIMED)]
    finally:
        torch.set_num_threads(threads)
    slow, fast = zip(*times, strict=True)
    return median(slow), median(fast)


def _seconds(model: Classifier, image: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    model.scores(image)
    return time.perf_counter() - start


def _prepare(folder: Path) -> None:
    """Delete what an earlier quickstart made, and no other file. Only our marker stays."""
    try:
        _check_ours(folder)
        # The marker comes first. If the deletion stops half-way, the folder is then still ours.
        atomic_write(folder / MARKER, "{}\n")
        for path in folder.iterdir():
            if path.name != MARKER:
                _delete(path)
    except OSError as error:
        raise OutputError(f"cannot replace {folder}: {error.strerror or error}") from error


def _check_ours(folder: Path) -> None:
    """Raises: OutputError naming a path that no quickstart made."""
    marker = folder / MARKER
    # Without the marker, folders such as `run` or `images` may belong to somebody else.
    foreign = strangers(folder, MADE if marker.is_file() else ())
    # The marker of a stopped quickstart lists no files.
    if not foreign and (listed := listed_files(marker)) is not None:
        foreign = strangers(folder, listed)
    if foreign:
        raise OutputError(
            f"{folder} holds {printable(foreign[0])}, which no quickstart made; move it away, or "
            "choose another folder with --out"
        )


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _predict_files(model: TrainedModel, folder: Path) -> PredictionTally:
    """Classify the image files, and draw a page of them."""
    preprocessing, tally = model.preprocessing, PredictionTally()
    predictions: list[Prediction] = []
    for outcome in predict(model, image_files([folder / "images"]), preprocessing.classes):
        tally.add(outcome)
        if isinstance(outcome, Prediction):
            predictions.append(outcome)
    shown = choose_samples(predictions)
    draw_samples(
        [read_image(one.path, preprocessing.size, preprocessing.channels) for one in shown],
        [one.top[0][0] for one in shown],
        [one.top[0][1] for one in shown],
        [one.true for one in shown],
        folder / "samples.png",
    )
    return tally


def choose_samples(predictions: Sequence[Prediction]) -> list[Prediction]:
    """At most one row of mistakes, then right answers from evenly spaced places of the list."""
    wrong = [one for one in predictions if one.top[0][0] != one.true]
    right = [one for one in predictions if one.top[0][0] == one.true]
    mistakes = wrong[:COLUMNS]
    places = np.linspace(0, len(right), min(SHOWN - len(mistakes), len(right)), endpoint=False)
    return mistakes + [right[int(place)] for place in places]
