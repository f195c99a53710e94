"""Compare all data for the caller's own module with its first batch."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from signbit.errors import UsageError
from signbit.train._first_batch import FirstBatch, evaluated, require_numbers, tried
from signbit.train._objective import Objective
from signbit.train._own_data import OwnData, arrays_of, first_batch
from signbit.train._own_objective import try_metric


def check_data(data: OwnData, module: nn.Module, objective: Objective, batch: FirstBatch) -> None:
    """Check all arrays and one batch of validation data. Other batches are checked when read.

    Raises: UsageError if a value is not allowed, or if validation data do not fit the training
        data.
    """

    def check(inputs: Any, targets: Any, place: str) -> None:
        require_numbers(inputs, targets, place)
        try:
            objective.loss.check_values(batch.evaluated, targets)
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from error

    if data.val is not None:
        try:
            _check_validation(first_batch(data.val), module, objective, batch)
        except UsageError as error:
            raise UsageError(f"val_data: {error}") from error
    for name, source in (("train_data", data.train), ("val_data", data.val)):
        for inputs, targets in arrays_of(source):
            check(inputs, targets, name)
    data.check_batches(check)


def _check_validation(
    held_out: tuple[Any, Any], module: nn.Module, objective: Objective, batch: FirstBatch
) -> None:
    """Raises: UsageError if the module, the loss or a metric refuses a batch of val_data."""
    inputs, targets = held_out
    require_numbers(inputs, targets, "its first batch")
    found, wanted = _form(inputs), _form(batch.inputs)
    if found != wanted:
        raise UsageError(
            f"its inputs are {found}, but those of train_data are {wanted}; give both the same "
            "transform"
        )
    outputs = evaluated("the module", module, inputs)
    objective.loss.check(outputs, targets)
    tried(
        "the loss",
        "outputs and targets",
        lambda: objective.validation_loss(outputs, targets),
        learns=False,
    )
    for name, metric in objective.metrics.items():
        try_metric(name, metric, outputs, targets)


def _form(inputs: Any) -> str:
    """Types and numbers of axes. Sizes are left out, because a module may accept several."""
    if isinstance(inputs, Mapping):
        return "{" + ", ".join(f"{key}: {_form(inputs[key])}" for key in sorted(inputs)) + "}"
    if isinstance(inputs, tuple | list):
        return "(" + ", ".join(map(_form, inputs)) + ")"
    if isinstance(inputs, Tensor):
        return f"{inputs.dtype} with {inputs.ndim} axes"
    return type(inputs).__name__
