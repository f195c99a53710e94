"""Choose the precision of a run whose recipe leaves the choice to the device."""

import torch

from signbit.machine import multiplies_bfloat16
from signbit.train.recipe import Recipe


def with_known_precision(recipe: Recipe, device: str) -> Recipe:
    """The recipe with bfloat16 or float32 in place of `auto`.

    It is bfloat16 if the device multiplies it in hardware. The run folder stores this choice, so a
    run that is resumed on another machine keeps it.
    """
    if recipe.precision != "auto":
        return recipe
    if device == "cuda":
        fast = torch.cuda.is_available() and torch.cuda.is_bf16_supported(False)
    else:
        fast = multiplies_bfloat16()
    return recipe.model_copy(update={"precision": "bfloat16" if fast else "float32"})
