"""Open the model that the argument MODEL of a command names."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from signbit.cli._options import architecture_of
from signbit.cli._output import say
from signbit.cli._run_imports import import_for
from signbit.errors import UsageError, printable
from signbit.machine import usable_cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from signbit.format import Preprocessing
    from signbit.models import TrainedModel, Zeros
    from signbit.scoring import Classifier

PACKED = ".signbit"

ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Run folder, .safetensors checkpoint, or old .pth.tar (which needs --model).",
    ),
]

RunnablePath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Packed .signbit file, run folder, .safetensors checkpoint, or old .pth.tar "
        "(which needs --model).",
    ),
]


class Runnable(NamedTuple):
    """A model that classifies images, and the file that it came from."""

    model: "Classifier"
    source: Path


def open_runnable(
    path: Path,
    model: str | None,
    settings: Sequence[str] | None,
    device: str = "cpu",
    threads: int | None = None,
    zeros: "Zeros | None" = None,
) -> Runnable:
    """A packed network on the engine, without torch; or a trained network in torch.

    threads: number of threads of the engine; None means one per core that this process may use.

    Raises: the errors of `open_model`; ModelFormatError for a damaged packed file; UsageError for
        an option that is not for this kind of model.
    """
    if path.suffix != PACKED:
        if threads is not None:
            raise UsageError(
                "--threads is for packed networks; for torch set the variable OMP_NUM_THREADS"
            )
        trained = open_model(path, model, settings, device, zeros)
        return Runnable(trained, trained.source)
    if model is not None or settings or device != "cpu" or zeros is not None:
        raise UsageError(
            f"{printable(str(path))} contains its architecture, and runs without torch; leave out "
            "--model, --set, --device and --zeros"
        )
    import signbit
    from signbit.runtime.engine import MAX_THREADS

    threads = threads or min(usable_cores(), MAX_THREADS)
    return Runnable(signbit.load(path, threads=threads), path)


def open_model(
    path: Path,
    model: str | None,
    settings: Sequence[str] | None,
    device: str = "cpu",
    zeros: "Zeros | None" = None,
) -> "TrainedModel":
    """The trained model in a file or run folder, on a device.

    Lines on standard error say what was decided about an old checkpoint, and which modules were
    imported because a run folder names them.

    Raises: UsageError where the options do not suit the file, or where the device is missing;
        CheckpointError for a file that is missing or damaged; the errors of `import_for`.
    """
    architecture = architecture_of(model, settings)
    import_for(path)
    import torch

    from signbit.models import load_model

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no CUDA device here; use --device cpu")
    trained = load_model(path, architecture, zeros)
    for note in trained.notes:
        say(f"signbit: {note}", err=True)
    trained.module.to(device)
    return trained


def read_images(paths: Sequence[Path], preprocessing: "Preprocessing") -> "NDArray[np.uint8]":
    """Image files, also those in folders, as an array that the network accepts: (N, H, W, C).

    Raises: DataError naming a file that is not an image, or a folder without images.
    """
    import numpy as np

    from signbit.data import image_files, read_image

    size, channels, crop = preprocessing.size, preprocessing.channels, preprocessing.crop
    return np.stack([read_image(path, size, channels, crop=crop) for path in image_files(paths)])
