"""Everything that a page shows about a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from signbit.format import Node, PackedModel, ValueType
from signbit.format.ops.conv import fan_in
from signbit.runtime._features import nodes_of_modules

if TYPE_CHECKING:
    from signbit.bench import Benchmark
    from signbit.report._bits import BitShares
    from signbit.report._observe import Observed


@dataclass(frozen=True)
class Subject:
    """A packed network, and all measurements of it. Sections draw them, and measure nothing.

    name: the title of the page, such as the path of the network.
    model: the packed network.
    file_bytes: size of its .signbit file.
    benchmark: times of the network and of its peers.
    layer: the number of the node whose weights are drawn; None where no node has binary weights.
    curves: the rows of `metrics.csv`; None where there are none.
    no_curves: the reason why there are no curves.
    observed: the results of `observe`; None without data.
    bits: the results of `bit_shares`; None without data.
    facts: facts for the foot of the page, by name, such as version, command and date.
    """

    name: str
    model: PackedModel
    file_bytes: int
    benchmark: "Benchmark"
    layer: int | None = None
    curves: Sequence[Mapping[str, float]] | None = None
    no_curves: str = ""
    observed: "Observed | None" = None
    bits: "Sequence[BitShares] | None" = None
    facts: Mapping[str, str] | None = None

    @cached_property
    def modules(self) -> Mapping[int, str]:
        """The path of the module that each node was packed from, if the file has it."""
        return module_paths(self.model)

    def label(self, number: int) -> str:
        """The name of a node on the page."""
        path = self.modules.get(number, "")
        return f"{path} (node {number})" if path else f"node {number}"

    def weights(self, number: int) -> int:
        """Number of weights of a convolution or linear layer; 0 for other operations."""
        node = self.model.node(number)
        if not self.model.operation(number).is_convolution:
            return 0
        return node.attributes["channels"] * fan_in(node.attributes, self.source(node))

    def source(self, node: Node) -> ValueType:
        """The type of the value that a node reads first."""
        return self.model.types[node.inputs[0]]

    def has_bits(self, number: int) -> bool:
        """Whether a node multiplies with weights of one bit."""
        return is_binary_layer(self.model, number)


def is_binary_layer(model: PackedModel, number: int) -> bool:
    """Whether a node is a convolution or linear layer with weights of one bit."""
    if not model.operation(number).is_convolution:
        return False
    return model.node(number).tensors["weight"].dtype == "uint64"


def module_paths(model: PackedModel) -> dict[int, str]:
    """The path of the module that each node was packed from, from the info of the file."""
    return {number: path for path, numbers in nodes_of_modules(model) for number in numbers}
