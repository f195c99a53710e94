"""The interface of an operation and its registry.

Work is counted in units of about a nanosecond. It is the longest time that an operation needs on
one core of a server of 2023 (AMD EPYC, Zen 4), with any instruction set. Mostly the scalar kernels
determine it. The factors come from measurements of shapes that are hard for one of the kernels,
such as a single output channel or groups of one. Memory is counted as the engine allocates it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from signbit.errors import UsageError
from signbit.format.types import Attribute, Node, Padding, TensorType, ValueType
from signbit.registry import Registry

operations: Registry["AbstractOperation"] = Registry("operation", "signbit.format.ops")

Attributes = Mapping[str, Any]


class AbstractOperation(ABC):
    """What a node with this operation may hold, and what it returns.

    kinds: for each input, the kinds of value that it accepts.
    variadic: whether the last input may be repeated.
    attributes: a check for each attribute; all attributes must be given.
    since: the first version of the format that has the operation.
    is_convolution: whether it adds products of weights with a window, or with a whole row.
    order_matters: whether another order of additions leads to other numbers.
    """

    kinds: ClassVar[Sequence[Sequence[str]]] = ()
    variadic: ClassVar[bool] = False
    attributes: ClassVar[Mapping[str, Attribute]] = {}
    since: ClassVar[int] = 1
    is_convolution: ClassVar[bool] = False
    order_matters: ClassVar[bool] = False

    @abstractmethod
    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        """The type of the node's value. Raises: UsageError where the inputs do not fit."""

    def version(self, inputs: Sequence[ValueType]) -> int:
        """The lowest version of the format that allows the operation on such inputs."""
        return self.since

    def last_bits_vary(self, node: Node) -> bool:
        """Whether the last bits of two correct implementations may differ.

        They may add in another order, or use the exponential of another library.
        """
        return self.order_matters

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        """The tensors that the node must have. It may have no others."""
        return {}

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:  # noqa: B027 most need none
        """Raises: UsageError where a tensor holds a value that is not allowed."""

    def macs(self, node: Node, source: ValueType, output: ValueType) -> int:
        """Multiply-adds for one image, binary or real; 0 for an operation without weights."""
        return 0

    def border(self, node: Node, inputs: Sequence[ValueType]) -> Padding:
        """The border that an engine keeps around the first map that the node reads."""
        return Padding()

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Units of work for an image. The default is to handle one number after the other."""
        return 10 * output.positions + 4 * output.elements

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Bytes that an engine with one thread holds for the node, without values.

        These are its tensors in the order of the kernels, and tables: the most that is needed
        while the engine is made. The default is a copy of the tensors.
        """
        return tensor_bytes(node)

    def scratch(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Bytes that the node needs while it runs; the nodes of an engine share them."""
        return 0


def tensor_bytes(node: Node) -> int:
    """The number of bytes of a node's tensors in the file."""
    return sum(tensor.nbytes for tensor in node.tensors.values())


def rounded_up(number: int, unit: int) -> int:
    """The lowest multiple of `unit` that is not below `number`."""
    return -(-number // unit) * unit


def require_one_shape(inputs: Sequence[ValueType]) -> None:
    """Raises: UsageError where inputs differ in kind or size."""
    if len(set(inputs)) > 1:
        raise UsageError(f"inputs differ: {', '.join(map(str, inputs))}")
