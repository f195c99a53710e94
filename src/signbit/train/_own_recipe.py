"""Find the parts of a recipe that do not suit the caller's own module."""

from typing import Any

from torch import nn

from signbit.errors import UsageError
from signbit.train._own_objective import LossChoice, unfit_settings
from signbit.train.recipe import Recipe

# Fields of a recipe that act only on named models and their pictures.
_OF_NAMED = ("model", "input", "augmentation")


def require_own_recipe(
    recipe: Recipe, name: str | None, loss: LossChoice, teacher: nn.Module | None
) -> None:
    """Refuse settings that would have no effect on a module, or that need more than is given.

    name: the name of the recipe; None if it is not known.

    Raises: UsageError with the overrides that the recipe needs, as Python code.
    """
    overrides: dict[str, Any] = {field: None for field in _OF_NAMED if _is_set(recipe, field)}
    reasons = []
    if overrides:
        fields, act = _listed(list(overrides)), "acts" if len(overrides) == 1 else "act"
        reasons.append(f"{fields} {act} only on named models and their pictures")
    taught = recipe.distillation
    if taught is not None and taught.teacher is None and teacher is None:
        overrides["distillation"] = None
        reasons.append("`distillation` needs a module as `teacher` of train()")
    unfit = unfit_settings(loss, recipe)
    if unfit:
        overrides["loss"] = None
        reasons.append(f"`loss` sets {_listed(unfit)}, which the loss of this run does not have")
    if reasons:
        shown = "..." if name is None else f'"{name}"'
        pairs = ", ".join(f'"{field}": None' for field in overrides)
        raise UsageError(
            f"the recipe does not suit a module of your own: its {'; its '.join(reasons)}. "
            f"Override these fields: recipe=load_recipe({shown}, {{{pairs}}})"
        )


def _is_set(recipe: Recipe, field: str) -> bool:
    default = Recipe.model_fields[field].get_default(call_default_factory=True)
    return getattr(recipe, field) != default


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)
