"""Train a named model on a named data set, as the command `signbit train` does."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from signbit.data import ImageSet
from signbit.data import load as load_data
from signbit.data._types import OF_PATHS
from signbit.errors import UsageError
from signbit.format import Preprocessing
from signbit.models import (
    Architecture,
    blueprint,
    check_preprocessing,
    is_legacy,
    save_model,
)
from signbit.models import takes as model_takes
from signbit.train._data import PixelData
from signbit.train._epoch_data import epoch_seed
from signbit.train._fit import resume_in_folder, start_in_folder
from signbit.train._initial_weights import start_from, with_input_of_init
from signbit.train._memory_format import fastest_format, noise
from signbit.train._precision import with_known_precision
from signbit.train._run import Run, with_absolute_paths, without_folders
from signbit.train._run_files import read_run
from signbit.train._teacher import teacher_of
from signbit.train._training import Training, check_device, training_module


def train_named(run: Run, teacher: nn.Module | None = None) -> dict[str, float]:
    """`signbit.train.train` for a `Run`."""
    recipe = with_known_precision(with_input_of_init(run.recipe), run.device)
    if run.zeros is not None and (recipe.init is None or not is_legacy(recipe.init)):
        raise UsageError(
            "--zeros is given, but `init` of the recipe is not an old checkpoint; leave out --zeros"
        )
    run = with_absolute_paths(replace(run, recipe=recipe))
    return start_in_folder(run, partial(prepare, run, teacher))


def resume(
    folder: Path | str,
    device: str | None = None,
    data_dir: str | None = None,
    teacher: nn.Module | None = None,
) -> dict[str, float]:
    """Go on with a run of a named model from its last checkpoint; returns the last epoch's metrics.

    The settings come from the folder of the run. On the CPU, with the same versions and the same
    number of threads, the result is bit for bit that of a run that was never stopped.

    folder: the folder of the run.
    device: "cpu" or "cuda"; None for the device that the run was started with.
    data_dir: the folder of the data; None for the folder that the run was started with.
    teacher: the teacher that was given to `train`.

    Raises: CheckpointError if the folder does not hold a run, or if it is damaged; UsageError if
        the recipe or the data have changed since the start of the run; and the errors of `train`.
    """
    run = read_run(Path(folder))
    run = replace(run, device=device or run.device, data_dir=data_dir or run.data_dir)
    return resume_in_folder(run, partial(prepare, run, teacher))


def prepare(run: Run, teacher: nn.Module | None, resumed: bool) -> Training:
    """Read the data, and build the network and its teacher. Nothing is written.

    resumed: whether the weights come from a checkpoint of the run. Otherwise they may come from
        `init` of the recipe.

    Raises: the errors that `train` raises before the first epoch.
    """
    device, recipe = check_device(run.device), run.recipe
    images = _load(run)
    architecture, preprocessing = _describe(run, images)
    check_preprocessing(blueprint(architecture), preprocessing)
    torch.manual_seed(epoch_seed(recipe.seed, 0, "weights"))
    model = architecture.build()
    if recipe.init is not None and not resumed:
        but = recipe.init_except or ()
        start_from(model, recipe.init, preprocessing, architecture, run.zeros, but)
    images_of_noise = noise(preprocessing, device)
    memory_format = fastest_format("the network", model, images_of_noise, device, recipe)
    model.to(memory_format=memory_format)  # pyright: ignore
    data = PixelData(images, recipe, preprocessing, memory_format)
    taught_by = teacher_of(recipe, teacher, preprocessing, device)
    module = training_module(model, recipe, data, taught_by)
    info = {"data": run.data_name, "recipe": without_folders(recipe).model_dump(mode="json")}

    def save(path: Path, network: nn.Module, info: dict[str, Any]) -> None:
        save_model(path, network, architecture, preprocessing, info)

    return Training(module, data, save, info, _facts(architecture, preprocessing, images, info))


def _facts(
    architecture: Architecture,
    preprocessing: Preprocessing,
    images: ImageSet,
    info: dict[str, Any],
) -> dict[str, Any]:
    labels = images.labels
    return {
        "model": architecture.name,
        "recipe": info["recipe"],
        "preprocessing": preprocessing.to_dict(),
        "data": {"images": len(labels), "labels_crc32": zlib.crc32(labels.tobytes())},
    }


def _load(run: Run) -> ImageSet:
    """The training images. Raises: UsageError if files must be cropped, but there are no files."""
    crop, (kind, *_) = run.recipe.input.crop, run.data.partition(":")
    if crop is not None and kind not in OF_PATHS:
        raise UsageError(
            f"input.crop is {crop:g}, but {run.data!r} has no image files to crop; set "
            "input.crop=null"
        )
    return load_data(
        run.data_source,
        "train",
        data_dir=run.data_dir,
        download=run.download,
        size=run.recipe.model.get("input_size"),
        channels=run.recipe.model.get("in_channels"),
        crop=crop,
        # A random part is cut from the image in the file, before it is resized.
        in_memory=run.recipe.augmentation.random_resized_crop is None,
    )


def _describe(run: Run, images: ImageSet) -> tuple[Architecture, Preprocessing]:
    """The model's options and the preprocessing, with the values that the data set decides."""
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
                f"leave out model.{option}"
            )
    decided = {key: value for key, value in decided.items() if model_takes(run.model, key)}
    settings = run.recipe.input
    preprocessing = Preprocessing(
        scale=_per_channel("scale", settings.scale, channels),
        bias=_per_channel("bias", settings.bias, channels),
        size=(height, width),
        classes=images.classes,
        crop=settings.crop,
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
