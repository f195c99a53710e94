"""An ONNX graph under construction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import MissingDependencyError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

# Softmax, Pad and Clip have had their present form since operator set 13; the file format of the
# same release, ONNX 1.8 of November 2020, is 7.
OPSET, IR_VERSION = 13, 7

Array = NDArray[Any]


def require_onnx() -> None:
    """Raises: MissingDependencyError where the package onnx is not installed."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "ONNX files need onnx; install it with: pip install 'signbit[export]'"
        ) from error


class Graph:
    """Nodes and initializers in the order in which they were added.

    prefix: the names of new tensors start with it. The operator follows, and a number where that
        name exists already.
    """

    def __init__(self) -> None:
        self.prefix = ""
        self.bytes = 0
        self._nodes: list[NodeProto] = []
        self._initializers: list[Any] = []
        self._value_infos: list[Any] = []
        self._taken: set[str] = set()

    def add(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; returns the name of the output."""
        from onnx import helper

        output = self._name(op.lower())
        node = helper.make_node(
            op, list(inputs), [output], name=output, domain=domain, **attributes
        )
        self._nodes.append(node)
        return output

    def constant(self, name: str, value: Array) -> str:
        """Add an initializer of the value's dtype; returns its name."""
        from onnx import numpy_helper

        name = self._name(name)
        self.bytes += value.nbytes
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def rename(self, name: str, to: str) -> None:
        """Give the output of the last node another name. No node may have read it yet."""
        node = self._nodes[-1]
        assert list(node.output) == [name]
        node.output[0] = node.name = to

    def describe(self, name: str, kind: int, shape: Sequence[int | str]) -> None:
        """State type and shape of a value."""
        from onnx import helper

        self._value_infos.append(helper.make_tensor_value_info(name, kind, shape))

    def finish(
        self,
        name: str,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        domains: Sequence[str] = (),
    ) -> "ModelProto":
        """The model with these inputs and outputs.  domains: those used in addition to ONNX's."""
        from onnx import helper

        graph = helper.make_graph(
            self._nodes, name, inputs, outputs, self._initializers, value_info=self._value_infos
        )
        opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(d, 1) for d in domains)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="signbit"
        )

    def _name(self, what: str) -> str:
        # Names have a point, because ONNX Runtime's quantizer adds names such as `n07_scale`.
        name, number = f"{self.prefix}.{what}", 2
        while name in self._taken:
            name, number = f"{self.prefix}.{what}{number}", number + 1
        self._taken.add(name)
        return name
