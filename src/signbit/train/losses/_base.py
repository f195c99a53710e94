"""What a loss must answer, and the registry of losses."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from signbit.errors import UsageError
from signbit.registry import Registry


class AbstractLoss(ABC):
    """The loss of a batch, as a scalar on its device. It never waits for the device.

    metrics: names of the metrics that are measured where a run asks for none.
    softened: whether the temperature of a distillation acts on `distance`.
    """

    metrics: ClassVar[tuple[str, ...]] = ()
    softened: ClassVar[bool] = False

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

    def distance(self, outputs: Any, taught: Any, targets: Any, temperature: float) -> Tensor:
        """The mean distance of outputs from those of a teacher, a scalar.

        It is zero where both are the same.

        taught: the outputs of the teacher, of the same shape.
        targets: these say what outputs mean, and which places are not counted.
        temperature: outputs and taught are divided by it; 1 for a loss that is not `softened`.

        Raises: UsageError for a loss that has no such measure.
        """
        raise UsageError(
            f"the loss {type(self).__name__} has no distance from a teacher; give train() one as "
            "distance=FUNCTION of outputs and taught outputs, or set distillation=null"
        )


losses: Registry[type[AbstractLoss]] = Registry("loss", "signbit.train.losses")
