"""The interface of an operation and its registry."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from signbit.errors import UsageError
from signbit.format.types import Flag, Node, Number, TensorType, ValueType, Whole
from signbit.registry import Registry

operations: Registry["AbstractOperation"] = Registry("operation", "signbit.format.ops")

Attributes = Mapping[str, Any]


class AbstractOperation(ABC):
    """What a node of one kind may hold, and what it gives.

    kinds: for each input the kinds of value that it takes.
    variadic: the last input may be repeated.
    attributes: a check for each; all must be given.
    """

    kinds: ClassVar[Sequence[Sequence[str]]] = ()
    variadic: ClassVar[bool] = False
    attributes: ClassVar[Mapping[str, Whole | Number | Flag]] = {}

    @abstractmethod
    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        """The value that the node gives. Raises: UsageError where the inputs do not suit."""

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        """The tensors that the node needs, exactly these."""
        return {}

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:  # noqa: B027 most need none
        """Raises: UsageError where a tensor holds a value that is not allowed."""


def require_one_shape(inputs: Sequence[ValueType]) -> None:
    """Raises: UsageError where inputs differ in kind or size."""
    if len(set(inputs)) > 1:
        raise UsageError(f"inputs differ: {', '.join(map(str, inputs))}")
