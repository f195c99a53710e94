"""Start a network from the weights of another that differs at most in its quantizers."""

from pathlib import Path

from torch import nn

from signbit.errors import CheckpointError, UsageError
from signbit.format import Preprocessing
from signbit.models import is_legacy, load_model
from signbit.quantizers import AbstractQuantizer

_MAX_LISTED = 5


def start_from(model: nn.Module, path: str, preprocessing: Preprocessing) -> None:
    """Copy all parameters and buffers of a run folder or checkpoint into `model`.

    What belongs to quantizers is copied where both networks have it.

    preprocessing: of the input that `model` takes.

    Raises: CheckpointError naming what the two do not share; UsageError for another kind of file,
        or one whose network takes pixels as other numbers.
    Source: training in stages, arXiv:1904.05868.
    """
    if is_legacy(path):
        raise UsageError(
            f"--init {path}: networks of old checkpoints take pixels in another way than any "
            "recipe; give a run folder or a checkpoint of signbit train"
        )
    start = load_model(Path(path))
    ours, theirs = ((p.scale, p.bias) for p in (preprocessing, start.preprocessing))
    # Other channels are another shape of the first weight.
    if ours != theirs and preprocessing.channels == start.preprocessing.channels:
        raise UsageError(
            f"--init {path} takes pixels * {theirs[0]} + {theirs[1]}, this run {ours[0]} and "
            f"{ours[1]}; set the same `input`"
        )
    given_model = start.module
    wanted, given = model.state_dict(), given_model.state_dict()
    fitting = {key for key in wanted if key in given and wanted[key].shape == given[key].shape}
    of_quantizers = _quantizer_keys(model) | _quantizer_keys(given_model)
    problems = sorted((wanted.keys() | given.keys()) - fitting - of_quantizers)
    if problems:
        more = f" and {len(problems) - _MAX_LISTED} more" if len(problems) > _MAX_LISTED else ""
        raise CheckpointError(
            f"{path} does not fit the model to be trained: {', '.join(problems[:_MAX_LISTED])}"
            f"{more} missing in one of them or of another shape; --init takes a run of the same "
            "model with the same options, other quantizers apart"
        )
    model.load_state_dict({key: given[key] for key in fitting}, strict=False)


def _quantizer_keys(model: nn.Module) -> set[str]:
    paths = [name for name, m in model.named_modules() if isinstance(m, AbstractQuantizer)]
    return {key for key in model.state_dict() for path in paths if key.startswith(f"{path}.")}
