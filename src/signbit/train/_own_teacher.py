"""The teacher of the caller's own module: another module, and a distance from its outputs."""

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
    """The given module as the teacher of `module`; None if the recipe needs no teacher.

    Raises: UsageError if a teacher is given but not needed, or needed but not given; if the recipe
        names a run as the teacher; or if the teacher does not fit the first batch, the loss or the
        temperature.
    """
    if not is_needed(recipe, given):
        if objective.distance is not None:
            raise UsageError(
                "a distance is given, but the recipe has no `distillation`; set `distillation`, or "
                "leave out the distance"
            )
        return None
    assert recipe.distillation is not None
    if given is None:
        raise _names_a_run(str(recipe.distillation.teacher))
    shared = set(map(id, module.parameters())) & set(map(id, given.parameters()))
    if given is module or shared:
        raise UsageError(
            "the teacher shares parameters with the module to be trained; give a copy, "
            "copy.deepcopy(...)"
        )
    taught = evaluated("the teacher", given, batch.inputs)
    if any(one.is_floating_point() and not one.isfinite().all() for one in tensors_in(taught)):
        raise UsageError(
            "the teacher returns NaN or infinity for the first batch; give another teacher"
        )
    if objective.distance is None:
        _require_alike(batch.evaluated, taught)
    _check_temperature(objective, recipe.distillation.temperature)
    tried(
        "the distance from the teacher",
        "the outputs and the teacher's outputs",
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
        f"distillation.teacher names {shown}, but signbit cannot know whether it was trained on "
        f"inputs like yours; set distillation.teacher=null, and give train() teacher={way}"
    )


def _require_alike(ours: Any, theirs: Any) -> None:
    """Raises: UsageError if the outputs of module and teacher differ in shape."""
    alike = isinstance(ours, Tensor) and isinstance(theirs, Tensor) and ours.shape == theirs.shape
    if not alike:
        raise UsageError(
            f"the teacher returns {_shown(theirs)}, but the module returns {_shown(ours)}; give a "
            "teacher with outputs of the same shape, or give train() distance=FUNCTION of both"
        )


def _shown(outputs: Any) -> str:
    return str(tuple(outputs.shape)) if isinstance(outputs, Tensor) else type(outputs).__name__


def _check_temperature(objective: Objective, temperature: float) -> None:
    """Raises: UsageError for a temperature that has no effect."""
    if temperature == 1 or (objective.distance is None and objective.loss.softened):
        return
    what = type(objective.loss).__name__ if objective.distance is None else "a distance of your own"
    raise UsageError(
        f"distillation.temperature is {temperature:g}, but {what} has no probabilities to soften; "
        "set distillation.temperature=1"
    )
