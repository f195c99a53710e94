"""The interface of a loss, and the registry of losses."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from signbit.errors import UsageError
from signbit.registry import Registry


class AbstractLoss(ABC):
    """Computes the loss of a batch, a scalar on the device of the batch, without waiting for it.

    metrics: the names of the metrics that a run measures if it asks for none.
    softened: whether the temperature of a distillation has an effect on `distance`.
    """

    metrics: ClassVar[tuple[str, ...]] = ()
    softened: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, outputs: Any, targets: Any) -> Tensor:
        """The mean loss of the batch, a scalar."""

    def held_out(self) -> "AbstractLoss":
        """The loss for validation. It differs, for example, if the training smooths its targets."""
        return self

    @abstractmethod
    def check(self, outputs: Any, targets: Any) -> None:
        """Check a first batch, on the CPU.

        Raises: UsageError if outputs and targets do not fit together, or if a target is not
            allowed.
        """

    @abstractmethod
    def check_values(self, outputs: Any, targets: Any) -> None:
        """Check the targets of another batch, or of all samples.

        outputs: the outputs for a first batch; they show how many classes there are.

        Raises: UsageError if a target is not allowed.
        """

    def distance(self, outputs: Any, taught: Any, targets: Any, temperature: float) -> Tensor:
        """The mean distance of the outputs from those of a teacher, a scalar.

        It is zero if both are the same.

        taught: the outputs of the teacher, with the same shape.
        targets: they show what the outputs mean, and which places do not count.
        temperature: outputs and taught are divided by it; 1 for a loss that is not `softened`.

        Raises: UsageError if the loss has no such distance.
        """
        raise UsageError(
            f"the loss {type(self).__name__} has no distance from a teacher; give train() "
            "distance=FUNCTION of the outputs and the teacher's outputs, or set distillation=null"
        )


losses: Registry[type[AbstractLoss]] = Registry("loss", "signbit.train.losses")
