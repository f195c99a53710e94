"""The teacher: the network whose outputs another one learns from."""

from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from signbit.errors import CheckpointError, UsageError, first_line
from signbit.format import Preprocessing
from signbit.models import load_model, to_input
from signbit.train._batch import as_float32, call
from signbit.train._memory_format import fastest_format, in_layout, noise
from signbit.train.recipe import Loss, Recipe


class Teacher:
    """The logits of a trained module. The module is put into eval mode and is not trained.

    It is not a submodule of the trained network, so checkpoints do not hold it.

    module: a module that accepts the input of the student.
    logit_scale: the factor of its outputs before a softmax.
    memory_format: the memory layout that the module runs in. The student may have another one.
    """

    def __init__(
        self,
        module: nn.Module,
        logit_scale: float = 1.0,
        memory_format: torch.memory_format = torch.contiguous_format,
    ):
        self.module, self.logit_scale = module, logit_scale
        self.memory_format = memory_format

    def to(self, device: torch.device) -> None:
        """Move the module to the device of the student's batches."""
        self.module.to(device, memory_format=self.memory_format)  # pyright: ignore
        self.module.eval()

    def compile(self) -> None:
        """Use torch.compile in its default mode. A CUDA graph would keep memory for the teacher."""
        self.module.compile()

    @torch.no_grad()
    def __call__(self, inputs: Any) -> Any:
        """The outputs for the input of the student; real numbers are float32."""
        outputs = as_float32(call(self.module, in_layout(inputs, self.memory_format)))
        return outputs if self.logit_scale == 1 else outputs * self.logit_scale


def teacher_of(
    recipe: Recipe,
    given: nn.Module | None,
    preprocessing: Preprocessing,
    device: torch.device,
) -> Teacher | None:
    """The teacher that a recipe names, or the given module; None if the recipe needs no teacher.

    device: the device of the run.

    Raises: UsageError if the recipe needs a teacher but none or two are given, if it needs none but
        a module is given, or if the teacher does not fit.
    """
    if not is_needed(recipe, given):
        return None
    assert recipe.distillation is not None
    if given is None:
        module, logit_scale = _load(str(recipe.distillation.teacher), preprocessing)
    else:
        _require_scores(given, preprocessing, recipe.precision == "bfloat16")
        module, logit_scale = given, 1.0
    chosen = fastest_format("the teacher", module, noise(preprocessing, device), device)
    return Teacher(module, logit_scale, chosen)


def is_needed(recipe: Recipe, given: nn.Module | None) -> bool:
    """Whether a recipe needs a teacher.

    Raises: UsageError if it needs one but none or two are given, or if it needs none but one is
        given.
    """
    settings = recipe.distillation
    if settings is None:
        if given is not None:
            raise UsageError(
                "a teacher is given, but the recipe has no `distillation`; set `distillation`, or "
                "leave out the teacher"
            )
        return False
    if (settings.teacher is None) == (given is None):
        found = "neither is given" if given is None else "both are given"
        raise UsageError(
            f"distillation needs one teacher, but {found}: a run folder or checkpoint as "
            "distillation.teacher, or a module as `teacher` of train(). Set distillation=null to "
            "train without a teacher"
        )
    return True


@torch.no_grad()
def _require_scores(module: nn.Module, preprocessing: Preprocessing, autocast: bool) -> None:
    """Raises: UsageError if the module does not return a score for each class of an image."""
    pixels = torch.zeros((2, *preprocessing.size, preprocessing.channels), dtype=torch.uint8)
    place = next(module.parameters(), pixels)
    inputs = to_input(pixels.to(place.device), preprocessing)
    wanted = (2, len(preprocessing.classes))
    try:
        with torch.autocast(place.device.type, torch.bfloat16, enabled=autocast):
            scores = module.eval()(inputs)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UsageError(
            f"the teacher does not accept input of shape {tuple(inputs.shape)}: {first_line(error)}"
        ) from error
    found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
    if found != wanted:
        raise UsageError(
            f"the teacher returns {found} for two images; it must return scores of shape {wanted}"
        )


def _load(path: str, preprocessing: Preprocessing) -> tuple[nn.Module, float]:
    """The network of a run folder or checkpoint, and the logit scale that it was trained with."""
    trained = load_model(Path(path))
    if trained.preprocessing != preprocessing:
        raise UsageError(
            f"teacher {path} has the preprocessing {trained.preprocessing}, but this run has "
            f"{preprocessing}; train both on the same data set with the same `input`"
        )
    try:
        scale = Loss.model_validate(trained.info.get("recipe", {}).get("loss", {})).logit_scale
    except (ValidationError, AttributeError) as error:
        raise CheckpointError(f"{path}: metadata: the loss of its recipe is damaged") from error
    return trained.module, scale
