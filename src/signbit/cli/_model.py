"""Open the model that a command is given."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._options import architecture_of
from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.models import TrainedModel

ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Run folder, .safetensors checkpoint, or old .pth.tar (which needs --model).",
    ),
]


def open_model(
    path: Path, model: str | None, settings: Sequence[str] | None, device: str = "cpu"
) -> "TrainedModel":
    """The trained model in a file or run folder, on a device.

    Raises: UsageError where the options do not suit the file or no such device is there,
        CheckpointError for a file that is missing or damaged.
    """
    architecture = architecture_of(model, settings)
    import torch

    from signbit.models import load_model

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no CUDA device here; leave the option out")
    trained = load_model(path, architecture)
    trained.module.to(device)
    return trained
