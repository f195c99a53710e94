"""The network that other runtimes read, as ONNX."""

from typing import TYPE_CHECKING

from signbit.export.onnx import to_proto
from signbit.format import PackedModel
from signbit.passes.float_twin import float_twin

if TYPE_CHECKING:
    from onnx import ModelProto


def float_graph(model: PackedModel) -> "ModelProto":
    """A network of real numbers with the shapes of a packed one."""
    return to_proto(float_twin(model), "twin")
