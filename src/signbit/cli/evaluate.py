"""Evaluate a trained model on a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from signbit.cli._app import commands
from signbit.cli._classes import Classes, choose_classes, require_known_order
from signbit.cli._examples import examples
from signbit.cli._measure import SampleData, measure_samples
from signbit.cli._model import RunnablePath, open_runnable
from signbit.cli._options import (
    BatchSize,
    DataDir,
    Device,
    Download,
    Json,
    ModelName,
    Settings,
    Threads,
    Zeros,
)
from signbit.cli._output import (
    percent,
    print_table,
    require_distinct,
    require_suffix,
    say,
    write_json,
)
from signbit.cli._sample_options import (
    DEFAULT_THRESHOLD,
    Codes,
    Features,
    FrontEndText,
    Ignored,
    SampleOptions,
    SampleSource,
    Targets,
    Threshold,
    packed_of_other_task,
)
from signbit.errors import UsageError, printable

if TYPE_CHECKING:
    from signbit.scoring import Evaluation


@commands.register("evaluate")
@examples(
    "signbit evaluate digits.signbit --data digits",
    "signbit evaluate runs/digits --data digits --confusion confusion.png",
)
def evaluate(
    path: RunnablePath,
    data: SampleSource,
    data_dir: DataDir = None,
    download: Download = False,
    split: Annotated[
        Literal["test", "train"], typer.Option("--split", help="The part of the data set to use.")
    ] = "test",
    batch_size: BatchSize = 256,
    device: Device = "cpu",
    threads: Threads = None,
    model: ModelName = None,
    settings: Settings = None,
    classes: Classes = None,
    zeros: Zeros = None,
    json: Json = None,
    confusion: Annotated[
        Path | None,
        typer.Option(
            "--confusion", metavar="FILE.png", help="Also draw the confusion matrix as a picture."
        ),
    ] = None,
    features: Features = None,
    targets: Targets = None,
    ignored: Ignored = None,
    codes: Codes = False,
    threshold: Threshold = DEFAULT_THRESHOLD,
    front_end: FrontEndText = None,
) -> None:
    """Measure a model on data with true answers.

    For a model that classifies images, the result is top-1, top-5, the accuracy of each class, and
    the expected calibration error. With fewer than five classes, top-5 counts all of them.

    Images of folder:PATH, tar:PATH and parquet:PATH are converted to the model's size and channels.
    The other data sets must have them already. Classes of the model and of the data are matched by
    name if both have names, otherwise by number. The name plane counts as airplane, and car as
    automobile.

    In the file of --json, accuracies are numbers from 0 to 1. A class without images has null. In
    `confusion`, a row is a true class, and a column is a predicted class. The time for images/s
    includes reading the images.

    For a packed network of another task, the kind of each output decides the result. Classes are
    measured as above; labels by precision, recall, F1 and average precision; numbers by MAE, RMSE
    and R²; maps and sequences of classes by accuracy and IoU. The data is FILE.csv, FILE.parquet,
    FILE.npz, or folder:PATH. The folder holds WAV files (then --front-end is needed), or
    images/NAME.png and masks/NAME.png. docs/tasks.md explains these tasks.
    """
    from signbit.data import load
    from signbit.progress import progress_bar
    from signbit.scoring import evaluate as run
    from signbit.scoring import is_file_of_samples

    if confusion is not None:
        require_suffix("--confusion", confusion, ".png")
    require_distinct(model=path, json=json, confusion=confusion)
    trained, source = open_runnable(path, model, settings, device, threads, zeros)
    options = SampleOptions(features, targets, ignored, codes, threshold, front_end)
    engine = packed_of_other_task(trained, is_file_of_samples(data))
    if engine is not None:
        if confusion is not None:
            raise UsageError(
                "--confusion is for networks that classify images, on image data; leave it out"
            )
        given = SampleData(data, split, data_dir, download)
        measure_samples(engine, source, given, options, classes, batch_size, json)
        return
    options.refuse_any()
    needs: dict[str, Any] = {
        "size": trained.preprocessing.size,
        "channels": trained.preprocessing.channels,
        "crop": trained.preprocessing.crop,
    }
    names = choose_classes(trained, classes, [source.parent])
    images = load(data, split, data_dir=data_dir, download=download, **needs)
    if names is None:
        require_known_order(trained, data, images.classes)
    with progress_bar("evaluating", len(images.labels)) as advance:
        result = run(trained, images, batch_size, advance, names)
    _print(source, result)
    write_json(json, {"model": str(source), **result.to_dict()})
    if confusion is not None:
        _draw(result, confusion)


def _print(source: Path, result: "Evaluation") -> None:
    figures = result.figures
    say(f"{source} on {result.data}, {result.split} images")
    say(
        f"top-1 {percent(figures.top1)}, top-{figures.top} {percent(figures.top5)}, "
        f"calibration error {percent(figures.calibration_error)}, {figures.images} images, "
        f"{result.images_per_second:.0f} images/s"
    )
    totals = map(str, figures.confusion.sum(axis=1))
    rows = zip(result.classes, totals, map(percent, figures.per_class), strict=True)
    print_table(["class", "images", "top-1"], list(rows))


def _draw(result: "Evaluation", path: Path) -> None:
    from signbit.plots.confusion import draw_confusion

    title = f"{printable(result.data)}, {result.split} images: top-1 {percent(result.figures.top1)}"
    draw_confusion(result.figures.confusion, list(map(printable, result.classes)), path, title)
