"""Compare module, loss and data before the first epoch."""

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
    """A batch, and what the module makes of it, on the CPU.

    in_training, evaluated: the outputs in training mode and in eval mode.
    """

    inputs: Any
    targets: Any
    in_training: Any
    evaluated: Any


def run_first_batch(module: nn.Module, inputs: Any, targets: Any) -> FirstBatch:
    """Run copies of a module on a batch. The module and the state of random numbers do not change.

    Raises: UsageError where inputs and targets differ in number, hold NaN, or the module raises.
    """
    counts = sample_count(inputs), sample_count(targets)
    if counts[0] != counts[1]:
        raise UsageError(f"a batch has {counts[0]} inputs and {counts[1]} targets")
    require_numbers(inputs, targets, "the first batch")
    with torch.random.fork_rng([]):
        trained = _outputs(module, inputs, training=True)
        with torch.no_grad():
            evaluated = _outputs(module, inputs, training=False)
    return FirstBatch(inputs, targets, trained, detached(evaluated))


def _outputs(module: nn.Module, inputs: Any, training: bool) -> Any:
    try:
        return as_float32(call(deepcopy(module).cpu().train(training), inputs))
    # A forward pass may raise any error.
    except Exception as error:
        found = ", ".join(f"{one.dtype} {tuple(one.shape)}" for one in tensors_in(inputs))
        raise refused(f"the module does not accept a batch of {found}", error) from error


def check_loss(loss: AbstractLoss, batch: FirstBatch) -> None:
    """Raises: UsageError where the loss does not fit the outputs, or no gradient reaches them."""
    for outputs in (batch.in_training, batch.evaluated):
        loss.check(outputs, batch.targets)
    try:
        value = loss(batch.in_training, batch.targets)
    # A loss of the caller's may raise any error.
    except Exception as error:
        raise refused("the loss does not accept outputs and targets", error) from error
    if not isinstance(value, Tensor) or value.ndim or not value.is_floating_point():
        found = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value)
        raise UsageError(f"the loss gives {found}; a scalar is needed, such as a mean")
    if not value.requires_grad:
        raise UsageError(
            "no gradient goes from the loss to a parameter; look for detach(), no_grad() and "
            "requires_grad=False"
        )


def has_unused_parameters(module: nn.Module, loss: AbstractLoss, batch: FirstBatch) -> bool:
    """Whether a parameter of the module gets no gradient from a batch."""
    copy = deepcopy(module).cpu().train()
    with torch.random.fork_rng([]):
        loss(as_float32(call(copy, batch.inputs)), batch.targets).backward()
    return any(one.requires_grad and one.grad is None for one in copy.parameters())


def require_numbers(inputs: Any, targets: Any, place: str) -> None:
    """Raises: UsageError where inputs or targets hold NaN.

    place: the samples, for the message.
    """
    for name, values in (("inputs", inputs), ("targets", targets)):
        for tensor in tensors_in(values):
            if tensor.is_floating_point() and tensor.isnan().any():
                raise UsageError(f"the {name} of {place} hold NaN; mend or leave out such samples")
