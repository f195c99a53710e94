"""Start a network from the weights of another that differs at most in its quantizers."""

from pathlib import Path

from torch import nn

from signbit.errors import CheckpointError, UsageError, printable
from signbit.format import Preprocessing
from signbit.models import Architecture, Zeros, is_legacy, legacy_input, load_model
from signbit.progress import note
from signbit.quantizers import AbstractQuantizer
from signbit.train.recipe import Input, Recipe

_MAX_LISTED = 5


def with_input_of_init(recipe: Recipe) -> Recipe:
    """The recipe with the input that an old checkpoint in `init` was trained with.

    Raises: UsageError where the recipe itself says another.
    """
    if recipe.init is None or not is_legacy(recipe.init):
        return recipe
    scale, bias = legacy_input()
    wanted, given = Input(scale=tuple(scale), bias=tuple(bias)), recipe.input
    if "input" in recipe.model_fields_set and given != wanted:
        raise UsageError(
            f"--init {printable(recipe.init)} takes {_formula(scale, bias)}, the recipe's `input` "
            f"is {_formula(given.scale, given.bias)}; leave `input` out"
        )
    return recipe.model_copy(update={"input": wanted})


def _formula(scale: object, bias: object) -> str:
    return f"pixels * {scale} + {bias}"


def start_from(
    model: nn.Module,
    path: str,
    preprocessing: Preprocessing,
    architecture: Architecture,
    zeros: Zeros | None = None,
) -> None:
    """Copy all parameters and buffers of a run folder or checkpoint into `model`.

    What belongs to quantizers is copied where both networks have it.

    preprocessing: of the input that `model` takes.
    architecture: of `model`, which an old checkpoint is read as.
    zeros: what exact zeros of an old checkpoint become, as `load_model` says.

    Raises: CheckpointError naming what the two do not share; UsageError for another kind of file,
        or one whose network takes pixels as other numbers.
    Source: training in stages, arXiv:1904.05868.
    """
    start = load_model(Path(path), architecture if is_legacy(path) else None, zeros)
    for line in start.notes:
        note(line)
    ours, theirs = ((p.scale, p.bias) for p in (preprocessing, start.preprocessing))
    path = printable(path)
    # Other channels are another shape of the first weight.
    if ours != theirs and preprocessing.channels == start.preprocessing.channels:
        raise UsageError(
            f"--init {path} takes {_formula(*theirs)}, this run {_formula(*ours)}; set the same "
            "`input`"
        )
    given_model = start.module
    wanted, given = model.state_dict(), given_model.state_dict()
    fitting = {key for key in wanted if key in given and wanted[key].shape == given[key].shape}
    of_quantizers = _quantizer_keys(model) | _quantizer_keys(given_model)
    problems = sorted((wanted.keys() | given.keys()) - fitting - of_quantizers)
    if problems:
        more = f" and {len(problems) - _MAX_LISTED} more" if len(problems) > _MAX_LISTED else ""
        listed = printable(", ".join(problems[:_MAX_LISTED]))
        raise CheckpointError(
            f"{path} does not fit the model to be trained: {listed}{more} missing in one of them "
            "or of another shape; --init takes a run of the same model with the same options, "
            "other quantizers apart"
        )
    model.load_state_dict({key: given[key] for key in fitting}, strict=False)


def _quantizer_keys(model: nn.Module) -> set[str]:
    paths = [name for name, m in model.named_modules() if isinstance(m, AbstractQuantizer)]
    return {key for key in model.state_dict() for path in paths if key.startswith(f"{path}.")}
