"""A loss that the caller gives as a function."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from signbit.errors import UsageError
from signbit.train.losses._base import AbstractLoss


class OwnLoss(AbstractLoss):
    """A loss that calls `function(outputs, targets)`.

    function: it returns the mean loss of the batch, a scalar.

    Raises: UsageError if the function is a module with trainable parameters, because no optimizer
        would change them.
    """

    def __init__(self, function: Callable[[Any, Any], Tensor]):
        if isinstance(function, nn.Module) and any(p.requires_grad for p in function.parameters()):
            raise UsageError(
                f"the loss {type(function).__name__} has parameters, which would not be trained; "
                "make them part of the module, or set requires_grad=False"
            )
        self.function = function

    def __call__(self, outputs: Any, targets: Any) -> Tensor:
        """The loss of a batch."""
        return self.function(outputs, targets)

    def distance(self, outputs: Any, taught: Any, targets: Any, temperature: float) -> Tensor:
        """Raises: UsageError, because only the caller knows what the outputs mean."""
        raise UsageError(
            "a loss of your own has no distance from a teacher; give train() "
            "distance=FUNCTION of the outputs and the teacher's outputs, or set distillation=null"
        )

    def check(self, outputs: Any, targets: Any) -> None:
        """No check: only the function knows what it accepts."""

    def check_values(self, outputs: Any, targets: Any) -> None:
        """No check, for the same reason."""
