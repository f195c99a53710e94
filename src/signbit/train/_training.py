"""What a run trains, ready to be trained. The folder of the run has no effect on it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from signbit.errors import UsageError
from signbit.train._epoch_data import AbstractData
from signbit.train._module import TrainingModule
from signbit.train._objective import Objective
from signbit.train._run_recorder import Save
from signbit.train._teacher import Teacher
from signbit.train.recipe import Recipe


@dataclass(frozen=True)
class Training:
    """A network that is ready to be trained, and its data.

    save: writes the trained network into a file.
    info: what that file says: the data set and the recipe.
    facts: what a checkpoint must say so that the run can go on from it.
    """

    module: TrainingModule
    data: AbstractData
    save: Save
    info: dict[str, Any]
    facts: dict[str, Any]


def training_module(
    model: nn.Module,
    recipe: Recipe,
    data: AbstractData,
    teacher: Teacher | None,
    objective: Objective | None = None,
) -> TrainingModule:
    """The network with its optimizers and its average, compiled where the recipe says so."""
    module = TrainingModule(model, recipe, data.steps_per_epoch, teacher, objective)
    if recipe.compile:
        model.compile(mode=None if recipe.compile is True else recipe.compile)
        if teacher is not None:
            teacher.compile()
    return module


def check_device(device: str) -> torch.device:
    """The device of that name. Raises: UsageError where it is unknown or not here."""
    if device not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {device!r}; known: cpu, cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device 'cuda' is not available here; use --device cpu")
    return torch.device(device)
