"""The network and the data of a run, ready for the training; independent of its folder."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from signbit.errors import UsageError
from signbit.ranks import ranks_here
from signbit.train._checkpoint import differences, flat
from signbit.train._epoch_data import AbstractData
from signbit.train._group import Group
from signbit.train._module import TrainingModule
from signbit.train._objective import Objective
from signbit.train._run_recorder import Save
from signbit.train._teacher import Teacher
from signbit.train.recipe import Recipe


@dataclass(frozen=True)
class Training:
    """A network that is ready to be trained, and its data.

    save: writes the trained network into a file.
    info: the facts in that file: the data set and the recipe.
    facts: the run can go on from a checkpoint only if it has the same facts.
    sample: a checksum of samples that must be the same in every rank.
    unused_parameters: whether some parameters may have no gradient in some steps.
    """

    module: TrainingModule
    data: AbstractData
    save: Save
    info: dict[str, Any]
    facts: dict[str, Any]
    sample: int = 0
    unused_parameters: bool = False


def require_same(training: Training, group: Group) -> None:
    """Raises: UsageError if the ranks would train on different data or different networks."""
    seen = group.all_of(flat(training.facts) | {"the first samples": training.sample})
    for rank, theirs in enumerate(seen):
        differ = differences(theirs, seen[0], "rank 0")
        if differ:
            raise group.told_once(
                UsageError(
                    f"rank {rank} has {differ[0]}; give all processes the same network, data and "
                    "recipe"
                )
            )


def training_module(
    model: nn.Module,
    recipe: Recipe,
    data: AbstractData,
    teacher: Teacher | None,
    objective: Objective | None = None,
) -> TrainingModule:
    """The network with its optimizers and its average, compiled if the recipe has `compile`."""
    module = TrainingModule(model, recipe, data.steps_per_epoch, teacher, objective)
    if recipe.compile:
        model.compile(mode=None if recipe.compile is True else recipe.compile)
        if teacher is not None:
            teacher.compile()
    return module


def check_device(device: str) -> torch.device:
    """The device with that name. If there are several GPUs, it is the GPU of this process.

    Raises: UsageError if the device is unknown or not available.
    """
    if device not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {device!r}; known: cpu, cuda.")
    if device == "cpu":
        return torch.device(device)
    if not torch.cuda.is_available():
        raise UsageError("device 'cuda' is not available on this machine; use --device cpu")
    ranks, here = ranks_here(), torch.cuda.device_count()
    if ranks.local_count > here:
        raise UsageError(
            f"{ranks.local_count} processes on this machine need {ranks.local_count} GPUs, but it "
            f"has {here}; start torchrun with --nproc-per-node {here}"
        )
    return torch.device(device) if ranks.count == 1 else torch.device(device, ranks.local)
