"""From matrices and thresholds to the graph of a packed network.

A threshold t of a folder means: the output bit is 1 where popcount(XNOR) > t. With n columns, the
sum of +1 and -1 is 2 * popcount - n. In the first layer with fixed-point pixels, which have 7
fraction bits, the bit is 1 where 256 * sum > t.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import ConvertError, ModelFormatError, UsageError
from signbit.format import Node, PackedModel, Preprocessing
from signbit.format.bits import pack_bits
from signbit.importers.bnn_pynq._layers import Layer, Layers
from signbit.importers.bnn_pynq._memories import thresholds_of, weights_of

_KERNEL = 3
# float32 holds all whole numbers up to here.
_BEYOND = 1 << 24


def network(folder: Path, layers: Layers, classes: tuple[str, ...]) -> PackedModel:
    """The packed network. Raises: ConvertError that names the layer."""
    graph = _Graph(folder, layers)
    for number, layer in enumerate(layers.layers):
        graph.add_layer(number, layer)
    graph.add_scores()
    channels = layers.layers[-1].channels
    names = classes if len(classes) == channels else ()
    pixels = Preprocessing(
        [2 / 255] * layers.channels, [-1.0] * layers.channels, layers.size, names
    )
    try:
        info = {"importer": "bnn_pynq", "folder": folder.name, "modules": graph.rows}
        return PackedModel(graph.nodes, pixels, info)
    except (ModelFormatError, UsageError) as error:
        raise ConvertError(f"{folder}: {error}") from error


class _Graph:
    """The nodes so far; the size of the last value, and whether it is real or of bits."""

    def __init__(self, folder: Path, layers: Layers):
        self.nodes: list[Node] = []
        self.rows: list[dict[str, Any]] = []
        self._folder = folder
        (self._height, self._width), self._channels = layers.size, layers.channels
        self._real = layers.pixels == "fixed-point"
        self._has_thresholds = True
        if self._real:
            self._add_fixed_point()
        else:
            limits = np.full(self._channels, 127, np.int32)
            self._add("threshold", {"threshold": limits, "below": self._none(self._channels)}, {})

    def _add(self, op: str, tensors: dict[str, Any], attributes: dict[str, Any]) -> None:
        self.nodes.append(Node(op, (len(self.nodes),), attributes, tensors))

    @staticmethod
    def _none(channels: int) -> NDArray[np.uint64]:
        return pack_bits(np.zeros(channels, bool))

    def _add_fixed_point(self) -> None:
        """128 times the value of a pixel: whole numbers, -128 to 127."""
        scale, bias = (np.full(self._channels, one, np.float32) for one in (256 / 255, 0.5 - 128))
        self._add("normalize", {"scale": scale, "bias": bias}, {})
        self._add("unary", {}, {"function": "floor"})
        self._add("clamp", {}, {"low": -128.0, "high": 127.0})

    def add_layer(self, number: int, layer: Layer) -> None:
        """Append a layer, and the row of the report that says what it became."""
        first = len(self.nodes)
        weights = self._add_layer(number, layer)
        own = self.nodes[first:]
        row = {"module": f"layer {number}", "type": layer.kind, "why": "", "bits_before": weights}
        row["became"] = ", ".join(node.op for node in own)
        row["bits_after"] = sum(8 * one.nbytes for node in own for one in node.tensors.values())
        self.rows.append({**row, "nodes": list(range(first + 1, first + 1 + len(own)))})

    def _add_layer(self, number: int, layer: Layer) -> int:
        """Append the nodes of a layer. Returns the number of weights in its files."""
        if not self._has_thresholds:
            raise ConvertError(
                f"{self._folder}: layer {number - 1} has no thresholds, so it must be the last one"
            )
        kernel = (_KERNEL, _KERNEL) if layer.kind == "conv" else (self._height, self._width)
        if kernel[0] > self._height or kernel[1] > self._width:
            raise ConvertError(
                f"{self._folder}: layer {number}: a {_KERNEL}x{_KERNEL} convolution of a map of "
                f"{self._height}x{self._width}"
            )
        used = kernel[0] * kernel[1] * self._channels
        if self._real and 128 * used >= _BEYOND:
            raise ConvertError(
                f"{self._folder}: layer {number}: {used} fixed-point pixels for an output; at most "
                f"{_BEYOND // 128 - 1} can be added exactly"
            )
        columns = -(-used // layer.simd) * layer.simd
        matrix = weights_of(self._folder, number, layer, columns)
        limits = thresholds_of(self._folder, number, layer, len(matrix))
        self._add_convolution(layer, kernel, matrix[: layer.channels, :used])
        self._has_thresholds = limits is not None
        if limits is not None:
            self._add_limits(layer, limits, matrix, used)
        if layer.pool > 1:
            self._add_pool(layer.pool)
        return matrix.size

    def _add_convolution(
        self, layer: Layer, kernel: tuple[int, int], matrix: NDArray[np.bool_]
    ) -> None:
        attributes = {
            "kernel": kernel,
            "stride": (1, 1),
            "dilation": (1, 1),
            "padding": (0, 0, 0, 0),
            "channels": layer.channels,
            "groups": 1,
            "padding_value": 0,
        }
        bits = matrix.reshape(layer.channels, *kernel, self._channels)
        op = "conv_f32_bits" if self._real else "conv_bits"
        self._add(op, {"weight": pack_bits(bits)}, attributes)
        self._height, self._width = self._height - kernel[0] + 1, self._width - kernel[1] + 1
        self._channels = layer.channels

    def _add_limits(
        self, layer: Layer, limits: NDArray[np.int64], matrix: NDArray[np.bool_], used: int
    ) -> None:
        rows = slice(layer.channels)
        # No sum comes near these bounds.
        limits = limits[rows].clip(-_BEYOND, _BEYOND)
        if self._real:
            # 256 * sum / 128 > t, where the sum of whole numbers stands for 128 times the value.
            bound = (limits // 2).astype(np.float32)
        else:
            # Bits of columns that pad the matrix are 0, and so is what they meet: they agree.
            padded = (~matrix[rows, used:]).sum(1)
            bound = (2 * (limits - padded) - used).astype(np.int32)
        self._add("threshold", {"threshold": bound, "below": self._none(layer.channels)}, {})
        self._real = False

    def _add_pool(self, side: int) -> None:
        attributes = {
            "kernel": (side, side),
            "stride": (side, side),
            "dilation": (1, 1),
            "padding": (0, 0, 0, 0),
        }
        self._add("max_pool", {}, attributes)
        self._height, self._width = self._height // side, self._width // side

    def add_scores(self) -> None:
        """The sums of the last layer; where it has thresholds, +1 or -1 for each class."""
        if self._has_thresholds:
            self._add("signs", {}, {})
            return
        one, zero = (np.full(self._channels, number, np.float32) for number in (1, 0))
        self._add("affine", {"scale": one, "bias": zero}, {})
