"""A network of real numbers with the shapes of a packed one, to compare speed with."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from signbit.errors import UsageError
from signbit.format import Node, PackedModel


class TorchTwin:
    """Does in float32 what a float network of the same shapes does: not the same answers.

    Convolutions and linear layers have random float32 weights, thresholds become Hardtanh (batch
    norm would cost more), pooling and the rest stay. In channels_last memory, in inference mode.

    threads: of torch, set while it runs.

    Raises: UsageError for an operation that it does not know.
    """

    def __init__(self, model: PackedModel, threads: int = 1):
        self.model, self.threads = model, threads
        generator = torch.Generator().manual_seed(0)
        self.weights = {
            index: _weight(model, index, node, generator)
            for index, node in enumerate(model.nodes, 1)
            if node.op.startswith("conv")
        }
        for node in model.nodes:
            if not node.op.startswith("conv") and node.op not in _FUNCTIONS:
                raise UsageError(f"operation {node.op!r} has no torch twin")

    def __call__(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Run on (N, H, W, C) uint8."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode():
                return self._run(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())
        finally:
            torch.set_num_threads(before)

    def _run(self, images: Tensor) -> Tensor:
        values = [images]
        for index, node in enumerate(self.model.nodes, 1):
            inputs = [values[source] for source in node.inputs]
            if index in self.weights:
                apply = _linear if self.model.is_linear(node) else _conv
                values.append(apply(node, inputs[0], self.weights[index]))
            else:
                values.append(_FUNCTIONS[node.op](node, *inputs))
        return values[-1]


def _weight(model: PackedModel, index: int, node: Node, generator: torch.Generator) -> Tensor:
    channels = model.types[node.inputs[0]].channels // node.attributes["groups"]
    shape = (node.attributes["channels"], channels, *node.attributes["kernel"])
    weight = torch.randn(shape, generator=generator)
    if model.is_linear(node):
        return weight.flatten(1)
    return weight.to(memory_format=torch.channels_last)


def _linear(node: Node, x: Tensor, weight: Tensor) -> Tensor:
    return F.linear(x.flatten(1), weight)


def _conv(node: Node, x: Tensor, weight: Tensor) -> Tensor:
    top, left, bottom, right = node.attributes["padding"]
    padding: Any = (top, left)
    if (top, left) != (bottom, right):
        x, padding = F.pad(x, (left, right, top, bottom)), 0
    attributes = node.attributes
    return F.conv2d(
        x, weight, None, attributes["stride"], padding, attributes["dilation"], attributes["groups"]
    )


def _max_pool(node: Node, x: Tensor) -> Tensor:
    top, left, bottom, right = node.attributes["padding"]
    x = F.pad(x, (left, right, top, bottom), value=-torch.inf)
    kernel, stride = node.attributes["kernel"], node.attributes["stride"]
    return F.max_pool2d(x, kernel, stride, dilation=node.attributes["dilation"])


def _avg_pool(node: Node, x: Tensor) -> Tensor:
    top, left, bottom, right = node.attributes["padding"]
    x = F.pad(x, (left, right, top, bottom))
    return F.avg_pool2d(x, node.attributes["kernel"], node.attributes["stride"])


_FUNCTIONS: dict[str, Any] = {
    "normalize": lambda node, x: x * 0.01,
    "threshold": lambda node, x: F.hardtanh(x),
    "affine": lambda node, x: x * 0.01,
    "flip": lambda node, x: x,
    "signs": lambda node, x: x,
    "clamp": lambda node, x: F.hardtanh(x),
    "prelu": lambda node, x: F.relu(x),
    "add": lambda node, x, y: x + y,
    "concat": lambda node, *x: torch.cat(x, 1),
    "flatten": lambda node, x: x.flatten(1),
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "softmax": lambda node, x: x.softmax(1),
    "log_softmax": lambda node, x: x.log_softmax(1),
}
