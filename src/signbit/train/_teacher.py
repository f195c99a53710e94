"""The network that another one is distilled from."""

from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from signbit.errors import CheckpointError, UsageError, first_line
from signbit.format import Preprocessing
from signbit.models import load_model, to_input
from signbit.train.recipe import Loss, Recipe


class Teacher:
    """Logits of a trained module, which is put into eval mode and never learns.

    It is no submodule of what is trained, so that checkpoints do not hold it.

    module: takes the input that the student takes.
    logit_scale: what its outputs are to be multiplied with before a softmax.
    """

    def __init__(self, module: nn.Module, logit_scale: float = 1.0):
        self.module, self.logit_scale = module, logit_scale

    def to(self, device: torch.device) -> None:
        """Move it to where the student's batches are."""
        self.module.to(device, memory_format=torch.channels_last)  # pyright: ignore
        self.module.eval()

    def compile(self) -> None:
        """Through torch.compile in its default mode: a CUDA graph of its own would keep memory."""
        self.module.compile()

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes) float32."""
        return self.module(inputs).float() * self.logit_scale


def teacher_of(
    recipe: Recipe, given: nn.Module | None, preprocessing: Preprocessing
) -> Teacher | None:
    """The teacher that a recipe names, or the module given in its place; None without either.

    Raises: UsageError where the recipe asks for one and there is none, or two, or the reverse, or
        one does not fit.
    """
    settings = recipe.distillation
    if settings is None:
        if given is not None:
            raise UsageError("a teacher is given, the recipe has no `distillation`; set it")
        return None
    if (settings.teacher is None) == (given is None):
        found = "neither is given" if given is None else "both are given"
        raise UsageError(
            f"distillation.teacher names a run folder or checkpoint, or train() takes a module "
            f"as `teacher`; {found}. Set distillation=null to train without one"
        )
    if given is None:
        return _load(str(settings.teacher), preprocessing)
    _require_scores(given, preprocessing, recipe.precision == "bfloat16")
    return Teacher(given)


@torch.no_grad()
def _require_scores(module: nn.Module, preprocessing: Preprocessing, autocast: bool) -> None:
    """Raises: UsageError where the module does not give a score per class of an image."""
    pixels = torch.zeros((2, *preprocessing.size, preprocessing.channels), dtype=torch.uint8)
    place = next(module.parameters(), pixels)
    inputs = to_input(pixels.to(place.device), preprocessing)
    wanted = (2, len(preprocessing.classes))
    try:
        with torch.autocast(place.device.type, torch.bfloat16, enabled=autocast):
            scores = module.eval()(inputs)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UsageError(
            f"the teacher does not take input of shape {tuple(inputs.shape)}: {first_line(error)}"
        ) from error
    found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
    if found != wanted:
        raise UsageError(
            f"the teacher gives {found} for two images; scores of shape {wanted} are needed"
        )


def _load(path: str, preprocessing: Preprocessing) -> Teacher:
    """The teacher of a run folder or checkpoint, with the logit scale that it was trained with."""
    trained = load_model(Path(path))
    if trained.preprocessing != preprocessing:
        raise UsageError(
            f"teacher {path} takes input by {trained.preprocessing}, this run by {preprocessing}; "
            "train both on one data set with the same `input`"
        )
    try:
        scale = Loss.model_validate(trained.info.get("recipe", {}).get("loss", {})).logit_scale
    except (ValidationError, AttributeError) as error:
        raise CheckpointError(f"{path}: metadata: the loss of its recipe is damaged") from error
    return Teacher(trained.module, scale)
