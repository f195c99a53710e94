"""Build what a run trains from its settings. The folder of the run has no effect on it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from signbit.data import ImageSet
from signbit.data import load as load_data
from signbit.errors import UsageError
from signbit.format import Preprocessing
from signbit.models import Architecture, blueprint, check_preprocessing
from signbit.models import takes as model_takes
from signbit.train._data import PixelData, epoch_seed
from signbit.train._initial_weights import start_from
from signbit.train._memory_format import fastest_format
from signbit.train._module import TrainingModule
from signbit.train._run import Run, without_folders
from signbit.train._teacher import teacher_of


@dataclass(frozen=True)
class Training:
    """A network that is ready to be trained, and its data.

    info: the data set and the recipe, for the files of the trained network.
    """

    architecture: Architecture
    preprocessing: Preprocessing
    module: TrainingModule
    data: PixelData
    info: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that a checkpoint must have so that the run can go on from it."""
        labels = self.data.images.labels
        return {
            "model": self.architecture.name,
            "recipe": self.info["recipe"],
            "preprocessing": self.preprocessing.to_dict(),
            "data": {"images": len(labels), "labels_crc32": zlib.crc32(labels.tobytes())},
        }


def prepare(run: Run, teacher: nn.Module | None, resumed: bool) -> Training:
    """Read the data, and build the network and its teacher. Nothing is written.

    resumed: whether the weights come from a checkpoint of the run, not from the recipe's `init`.

    Raises: the errors of `train` before the first epoch.
    """
    _check_device(run.device)
    device, recipe = torch.device(run.device), run.recipe
    images = _load(run)
    architecture, preprocessing = _describe(run, images)
    check_preprocessing(blueprint(architecture), preprocessing)
    torch.manual_seed(epoch_seed(recipe.seed, 0, "weights"))
    model = architecture.build()
    if recipe.init is not None and not resumed:
        start_from(model, recipe.init, preprocessing, architecture, run.zeros)
    memory_format = fastest_format("the network", model, preprocessing, device, recipe)
    model.to(memory_format=memory_format)  # pyright: ignore
    data = PixelData(images, recipe, preprocessing, memory_format)
    taught_by = teacher_of(recipe, teacher, preprocessing, device)
    module = TrainingModule(model, recipe, data.steps_per_epoch, taught_by)
    if recipe.compile:
        model.compile(mode=None if recipe.compile is True else recipe.compile)
        if taught_by is not None:
            taught_by.compile()
    info = {"data": run.data_name, "recipe": without_folders(recipe).model_dump(mode="json")}
    return Training(architecture, preprocessing, module, data, info)


def _load(run: Run) -> ImageSet:
    return load_data(
        run.data_source,
        "train",
        data_dir=run.data_dir,
        download=run.download,
        size=run.recipe.model.get("input_size"),
        channels=run.recipe.model.get("in_channels"),
    )


def _check_device(device: str) -> None:
    if device not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {device!r}; known: cpu, cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device 'cuda' is not available here; use --device cpu")


def _describe(run: Run, images: ImageSet) -> tuple[Architecture, Preprocessing]:
    """The model's options and the preprocessing, with the values that the data set gives."""
    _, height, width, channels = images.images.shape
    decided = {
        "num_classes": len(images.classes),
        "in_channels": channels,
        "input_size": [height, width],
    }
    for option, value in decided.items():
        given = run.recipe.model.get(option, value)
        if (list(given) if isinstance(given, tuple) else given) != value:
            raise UsageError(
                f"model.{option} is {given}, but the data set {run.data!r} has {value}; "
                "leave it out"
            )
    decided = {key: value for key, value in decided.items() if model_takes(run.model, key)}
    settings = run.recipe.input
    preprocessing = Preprocessing(
        scale=_per_channel("scale", settings.scale, channels),
        bias=_per_channel("bias", settings.bias, channels),
        size=(height, width),
        classes=images.classes,
    )
    return Architecture(run.model, {**run.recipe.model, **decided}), preprocessing


def _per_channel(name: str, value: float | Sequence[float], channels: int) -> Sequence[float]:
    if not isinstance(value, Sequence):
        return [value] * channels
    if len(value) != channels:
        raise UsageError(
            f"input.{name} has {len(value)} numbers, but the images have {channels} channels; give "
            "one number per channel, or one for all"
        )
    return value
