"""Start a network from the weights of another one, which may differ only in its quantizers."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from torch import Tensor, nn

from signbit.errors import CheckpointError, UsageError, printable
from signbit.format import Preprocessing
from signbit.models import Architecture, Zeros, is_legacy, legacy_input, load_model
from signbit.progress import note
from signbit.quantizers import AbstractQuantizer
from signbit.train._patterns import matches, require_matches
from signbit.train.recipe import Input, Recipe

_MAX_LISTED = 5


def with_input_of_init(recipe: Recipe) -> Recipe:
    """The recipe; if `init` is an old checkpoint, with the `input` that it was trained with.

    Raises: UsageError if the recipe sets another `input`.
    """
    if recipe.init is None or not is_legacy(recipe.init):
        return recipe
    scale, bias = legacy_input()
    given = recipe.input
    wanted = Input(scale=tuple(scale), bias=tuple(bias), crop=given.crop)
    if "input" in recipe.model_fields_set and given != wanted:
        raise UsageError(
            f"--init {printable(recipe.init)} was trained with the input {_formula(scale, bias)}, "
            f"but `input` of the recipe is {_formula(given.scale, given.bias)}; leave out `input`"
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
    but: Sequence[str] = (),
) -> None:
    """Copy all parameters and buffers of a run folder or checkpoint into `model`.

    Tensors of quantizers are copied if both networks have them.

    preprocessing: the preprocessing for `model`.
    architecture: the architecture of `model`; an old checkpoint is read with it.
    zeros: the sign of exact zeros in an old checkpoint, as in `load_model`.
    but: patterns of keys that may differ and are not copied.

    Raises: CheckpointError that names the tensors that differ; UsageError for another kind of
        file, or for a network with other preprocessing.
    Source: training in stages, arXiv:1904.05868.
    """
    start = load_model(Path(path), architecture if is_legacy(path) else None, zeros)
    for line in start.notes:
        note(line)
    ours, theirs = ((p.scale, p.bias) for p in (preprocessing, start.preprocessing))
    path = printable(path)
    # A different number of channels is found later, by the shape of the first weight.
    if ours != theirs and preprocessing.channels == start.preprocessing.channels:
        raise UsageError(
            f"--init {path} was trained with the input {_formula(*theirs)}, but this run has "
            f"{_formula(*ours)}; set the same `input`"
        )
    free = _quantizer_keys(model) | _quantizer_keys(start.module)
    copy_weights(model, start.module.state_dict(), path, free, but)


def copy_weights(
    model: nn.Module,
    given: Mapping[str, Tensor],
    path: str,
    free: AbstractSet[str] = frozenset(),
    but: Sequence[str] = (),
) -> None:
    """Copy into `model` the tensors that it has under the same key and with the same shape.

    path: the name of their file in messages.
    free: keys that may differ; they are copied if they fit.
    but: patterns of keys that are not copied. Each pattern must match a key.

    Raises: CheckpointError that names the tensors that differ; UsageError for a pattern that
        matches no key.
    """
    wanted = model.state_dict()
    require_matches("init_except", but, wanted)
    fitting = {key for key in wanted if key in given and wanted[key].shape == given[key].shape}
    keys = {key for key in wanted.keys() | given.keys() if not matches(key, but)}
    problems = sorted(keys - fitting - free)
    if problems:
        more = f" and {len(problems) - _MAX_LISTED} more" if len(problems) > _MAX_LISTED else ""
        listed = printable(", ".join(problems[:_MAX_LISTED]))
        raise CheckpointError(
            f"{path} does not fit the model to be trained: {listed}{more} missing in one of them "
            "or of another shape. --init needs a run of the same model with the same options. Only "
            "quantizers may differ, and keys that a pattern of `init_except` matches"
        )
    model.load_state_dict({key: given[key] for key in fitting & keys}, strict=False)


def _quantizer_keys(model: nn.Module) -> set[str]:
    paths = [name for name, m in model.named_modules() if isinstance(m, AbstractQuantizer)]
    return {key for key in model.state_dict() for path in paths if key.startswith(f"{path}.")}
