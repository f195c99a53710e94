"""What a loss must answer, and the registry of losses."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from signbit.errors import UsageError
from signbit.registry import Registry


class AbstractLoss(ABC):
    """The loss of a batch, as a scalar on its device. It never waits for the device.

    metrics: names of the metrics that are measured where a run asks for none.
    """

    metrics: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, outputs: Any, targets: Any) -> Tensor:
        """The mean loss of the batch."""

    def held_out(self) -> "AbstractLoss":
        """The loss that validation measures; another one where training smooths its targets."""
        return self

    @abstractmethod
    def check(self, outputs: Any, targets: Any) -> None:
        """Look at a first batch, on the CPU.

        Raises: UsageError where outputs and targets do not fit, or a target is not an allowed one.
        """

    @abstractmethod
    def check_values(self, outputs: Any, targets: Any) -> None:
        """Look at the targets of another batch, or of all samples.

        outputs: those of a first batch, which say how many classes there are.

        Raises: UsageError where a target is not an allowed one.
        """

    def divergence(self, outputs: Any, taught: Any, temperature: float) -> Tensor:
        """How far outputs are from those of a teacher, both divided by the temperature.

        Raises: UsageError for a loss that has no such measure.
        """
        raise UsageError(
            "distillation needs the loss 'cross_entropy'; set distillation=null, or give a loss "
            "that calls the teacher itself"
        )


losses: Registry[type[AbstractLoss]] = Registry("loss", "signbit.train.losses")
