"""Check before the first epoch that module, loss and data fit together."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from signbit.errors import UsageError
from signbit.train._batch import as_float32, call, detached, sample_count, tensors_in
from signbit.train._own_objective import refused
from signbit.train.losses import AbstractLoss


@dataclass(frozen=True)
class FirstBatch:
    """A batch and the outputs of the module for it, on the CPU.

    in_training, evaluated: the outputs in training mode and in eval mode.
    """

    inputs: Any
    targets: Any
    in_training: Any
    evaluated: Any


def run_first_batch(module: nn.Module, inputs: Any, targets: Any) -> FirstBatch:
    """Run copies of a module on a batch. The module and the state of random numbers do not change.

    Raises: UsageError if inputs and targets differ in number, if one holds NaN, or if the module
        raises an error.
    """
    counts = sample_count(inputs), sample_count(targets)
    if counts[0] != counts[1]:
        raise UsageError(
            f"a batch has {counts[0]} inputs and {counts[1]} targets; give one target for each "
            "input"
        )
    require_numbers(inputs, targets, "the first batch")
    with torch.random.fork_rng([]):
        trained = _outputs("the module", module, inputs, training=True)
    return FirstBatch(inputs, targets, trained, evaluated("the module", module, inputs))


@torch.no_grad()
def evaluated(name: str, module: nn.Module, inputs: Any) -> Any:
    """The outputs of a module in eval mode, on the CPU. The module does not change.

    name: the name of the module in messages.

    Raises: UsageError if the module raises an error.
    """
    with torch.random.fork_rng([]):
        return detached(_outputs(name, module, inputs, training=False))


def _outputs(name: str, module: nn.Module, inputs: Any, training: bool) -> Any:
    try:
        return as_float32(call(deepcopy(module).cpu().train(training), inputs))
    # A forward pass may raise any error.
    except Exception as error:
        found = ", ".join(f"{one.dtype} {tuple(one.shape)}" for one in tensors_in(inputs))
        raise refused(f"{name} does not accept a batch of {found}", error) from error


def check_loss(loss: AbstractLoss, batch: FirstBatch) -> None:
    """Raises: UsageError if the loss does not fit the outputs, or if no gradient reaches them."""
    for outputs in (batch.in_training, batch.evaluated):
        loss.check(outputs, batch.targets)
    tried("the loss", "outputs and targets", lambda: loss(batch.in_training, batch.targets))


def tried(what: str, takes: str, function: Callable[[], Any], learns: bool = True) -> None:
    """Compute a loss, or a distance from a teacher, as a trial.

    what, takes: its name and its arguments, for messages.
    learns: whether it must have a gradient.

    Raises: UsageError if it raises an error, if it is not a scalar, or if no gradient reaches the
        module.
    """
    try:
        value = function()
    except UsageError:
        raise
    # A function of the caller's may raise any error.
    except Exception as error:
        raise refused(f"{what} does not accept {takes}", error) from error
    if not isinstance(value, Tensor) or value.ndim or not value.is_floating_point():
        found = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value)
        raise UsageError(f"{what} returns {found}; it must return a scalar, such as a mean")
    if learns and not value.requires_grad:
        raise UsageError(
            f"no gradient flows from {what} to a parameter; look for detach(), no_grad() and "
            "requires_grad=False in your code"
        )


def require_numbers(inputs: Any, targets: Any, place: str) -> None:
    """Raises: UsageError if inputs or targets hold NaN, or if a single input holds infinity.

    If there are several inputs, they may hold infinity, for example in masks of attention. Whether
    targets may hold it depends on the loss.

    place: the words for the samples in the message.
    """
    for name, values in (("inputs", inputs), ("targets", targets)):
        for tensor in tensors_in(values):
            if tensor.is_floating_point() and tensor.isnan().any():
                raise UsageError(f"the {name} of {place} hold NaN; repair or remove such samples")
    if isinstance(inputs, Tensor) and inputs.is_floating_point() and inputs.isinf().any():
        raise UsageError(f"the inputs of {place} hold infinity; repair or remove such samples")
