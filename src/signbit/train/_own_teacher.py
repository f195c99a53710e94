"""The teacher of a module of the caller's: a module, and a distance from its outputs."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from signbit.errors import SignbitError, UsageError, printable
from signbit.train._batch import tensors_in
from signbit.train._first_batch import FirstBatch, evaluated, tried
from signbit.train._memory_format import fastest_format, few
from signbit.train._objective import Objective
from signbit.train._run_files import require_own_run
from signbit.train._teacher import Teacher, is_needed
from signbit.train.recipe import Recipe


def own_teacher(
    recipe: Recipe,
    given: nn.Module | None,
    module: nn.Module,
    objective: Objective,
    batch: FirstBatch,
    device: torch.device,
) -> Teacher | None:
    """The given module as the teacher of `module`; None where the recipe needs none.

    Raises: UsageError where the recipe needs none or names a run, none is given, or the teacher
        does not fit the first batch, the loss or its temperature.
    """
    if not is_needed(recipe, given):
        if objective.distance is not None:
            raise UsageError("a distance is given, but the recipe has no `distillation`; set it")
        return None
    assert recipe.distillation is not None
    if given is None:
        raise _names_a_run(str(recipe.distillation.teacher))
    shared = set(map(id, module.parameters())) & set(map(id, given.parameters()))
    if given is module or shared:
        raise UsageError(
            "the teacher has parameters of the module in training; give a copy, copy.deepcopy(...)"
        )
    taught = evaluated("the teacher", given, batch.inputs)
    if any(one.is_floating_point() and not one.isfinite().all() for one in tensors_in(taught)):
        raise UsageError("the teacher gives NaN or infinity for the first batch; give another one")
    if objective.distance is None:
        _require_alike(batch.evaluated, taught)
    _check_temperature(objective, recipe.distillation.temperature)
    tried(
        "the distance from the teacher",
        "outputs and taught outputs",
        lambda: objective.taught_loss(batch.in_training, taught, batch.targets),
    )
    layout = fastest_format("the teacher", given, few(batch.inputs), device)
    return Teacher(given, memory_format=layout)


def _names_a_run(path: str) -> UsageError:
    """The error for a recipe that names a run as the teacher."""
    shown = printable(repr(path))
    try:
        require_own_run(Path(path))
        way = f"signbit.train.load_weights(MODULE, {shown})"
    except SignbitError:
        way = f"signbit.models.load_model({shown}).module"
    return UsageError(
        f"distillation.teacher names {shown}, and only you know whether your inputs are those that "
        f"it was trained on; set distillation.teacher=null, and give train() teacher={way}"
    )


def _require_alike(ours: Any, theirs: Any) -> None:
    """Raises: UsageError where the outputs of module and teacher differ in shape."""
    alike = isinstance(ours, Tensor) and isinstance(theirs, Tensor) and ours.shape == theirs.shape
    if not alike:
        raise UsageError(
            f"the teacher gives {_shown(theirs)}, the module {_shown(ours)}; they must be alike, "
            "or give train() distance=FUNCTION of both"
        )


def _shown(outputs: Any) -> str:
    return str(tuple(outputs.shape)) if isinstance(outputs, Tensor) else type(outputs).__name__


def _check_temperature(objective: Objective, temperature: float) -> None:
    """Raises: UsageError for a temperature that has no effect."""
    if temperature == 1 or (objective.distance is None and objective.loss.softened):
        return
    what = type(objective.loss).__name__ if objective.distance is None else "a distance of your own"
    raise UsageError(
        f"distillation.temperature is {temperature:g}, and {what} has no probabilities that it "
        "could soften; set distillation.temperature=1"
    )
