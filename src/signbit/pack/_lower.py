"""From steps to the nodes of a packed network: integers and bits wherever that is exact."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from signbit.errors import PackError
from signbit.format import Node, Preprocessing
from signbit.format.bits import pack_bits, words_for
from signbit.pack._draft import (
    Call,
    Conv,
    Elementwise,
    Flatten,
    Input,
    Join,
    Pool,
    Sign,
    Step,
    readers,
)
from signbit.pack._pixels import PixelCode, pixel_code
from signbit.pack._thresholds import Thresholds, float_thresholds, integer_thresholds


@dataclass(frozen=True)
class Source:
    """A packed value that stands for a real one: `unit` times what the node gives.

    bound: of the magnitude of an integer value; None for float32.
    """

    node: int
    unit: float = 1.0
    bound: int | None = None


@dataclass
class Lowering:
    """The nodes made so far, and where each step's value is.

    shown: steps whose real value takes part in the network, by identity (`real_values`).
    origins: for each node, the step that it comes from.
    reasons: by origin, why a layer was kept in real numbers.
    """

    preprocessing: Preprocessing
    shown: frozenset[int] = frozenset()
    nodes: list[Node] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    signs: dict[int, int] = field(default_factory=dict)
    sign_calls: dict[int, Call] = field(default_factory=dict)
    # Steps are told apart by identity, which holds only while they live.
    _alive: list[Step] = field(default_factory=list)
    _sources: dict[int, Source] = field(default_factory=dict)

    @property
    def pixels(self) -> PixelCode | None:
        """How pixels stand for integers; None where they do not."""
        return pixel_code(self.preprocessing)

    def emit(
        self,
        origin: str,
        op: str,
        inputs: Sequence[int],
        attributes: dict[str, Any] | None = None,
        **tensors: NDArray[Any],
    ) -> int:
        """Append a node; its number."""
        # Not the memory of the module's parameters, which may be trained on.
        own = {name: np.array(value) for name, value in tensors.items()}
        self.nodes.append(Node(op, tuple(inputs), attributes or {}, own))
        self.origins.append(origin)
        return len(self.nodes)

    def source(self, step: Step) -> Source:
        """The value of a step, made on the first call."""
        if id(step) not in self._sources:
            self._alive.append(step)
            self._sources[id(step)] = self._make(step)
        return self._sources[id(step)]

    def real(self, step: Step) -> int:
        """The node with the float32 value of a step."""
        source = self.source(step)
        if source.bound is None and source.unit == 1:
            return source.node
        channels = step.size[2]
        scale = np.full(channels, source.unit, np.float32)
        bias = np.zeros(channels, np.float32)
        node = self.emit(step.origin, "affine", [source.node], scale=scale, bias=bias)
        self._sources[id(step)] = Source(node)
        return node

    def bits(self, sign: Sign) -> int:
        """The node with the bits of a sign."""
        if id(sign) not in self.signs:
            self._alive.append(sign)
            self.signs[id(sign)] = self._bits(sign)
            self.sign_calls[id(sign)] = sign.origin, sign.call
        return self.signs[id(sign)]

    def _make(self, step: Step) -> Source:
        if isinstance(step, Sign):
            return Source(self.emit(step.origin, "signs", [self.bits(step)]))
        if isinstance(step, Input):
            scale = np.array(self.preprocessing.scale, np.float32)
            bias = np.array(self.preprocessing.bias, np.float32)
            return Source(self.emit(step.origin, "normalize", [0], scale=scale, bias=bias))
        if isinstance(step, Conv):
            return self._conv(step)
        if isinstance(step, Elementwise):
            return self._elementwise(step)
        if isinstance(step, Pool):
            attributes = dict(step.attributes)
            return Source(self.emit(step.origin, step.op, [self.real(step.sources[0])], attributes))
        if isinstance(step, Flatten):
            return Source(self.emit(step.origin, "flatten", [self.real(step.sources[0])]))
        assert isinstance(step, Join)
        return Source(self.emit(step.origin, step.op, [self.real(one) for one in step.sources]))

    def _elementwise(self, step: Elementwise) -> Source:
        (before,) = step.sources
        source = self.source(before)
        # An affine operation reads integers itself, where they need no unit.
        direct = step.op == "affine" and source.unit == 1
        node = source.node if direct else self.real(before)
        tensors = {name: value.numpy() for name, value in step.tensors.items()}
        return Source(self.emit(step.origin, step.op, [node], dict(step.attributes), **tensors))

    def _conv(self, step: Conv) -> Source:
        x, kernel, weight = _whole_map(step)
        # Weights lie in the file as the maps do: channels innermost.
        weight = weight.permute(0, 2, 3, 1).numpy()
        attributes: dict[str, Any] = {
            "channels": weight.shape[0],
            "kernel": kernel,
            "stride": step.stride,
            "padding": step.padding,
            "dilation": step.dilation,
            "groups": step.groups,
        }
        if not step.binary:
            if step.padding_value != 0 and any(step.padding):
                raise PackError(
                    f"{step.origin}: real weights are padded with zeros, not with "
                    f"{step.padding_value:g}; give padding_value=0 or a binary weight_quantizer"
                )
            self.reasons[step.origin] = "its weights are real"
            return Source(
                self.emit(step.origin, "conv_f32", [self.real(x)], attributes, weight=weight)
            )
        words = pack_bits(weight > 0)
        fan_in = math.prod(weight.shape[1:])
        if isinstance(x, Sign):
            attributes["padding_value"] = step.padding_value
            node = self.emit(step.origin, "conv_bits", [self.bits(x)], attributes, weight=words)
            return Source(node, bound=fan_in)
        code = self.pixels
        padded = any(step.padding) and step.padding_value != 0
        if isinstance(x, Input) and code is not None and not padded:
            attributes |= {"multiplier": code.multiplier, "offset": code.offset}
            node = 0
            if not any(step.padding) and _wastes_words(x, kernel, step.groups):
                node = self.emit(step.origin, "flatten", [0])
                attributes["kernel"] = (1, 1)
                words = pack_bits(step.weight.reshape(len(words), 1, 1, -1).numpy() > 0)
            node = self.emit(step.origin, "conv_u8", [node], attributes, weight=words)
            return Source(node, code.unit, fan_in * code.largest)
        self.reasons[step.origin] = "its input is real" + (
            ", with another scale per channel" if isinstance(x, Input) and code is None else ""
        )
        attributes["padding_value"] = step.padding_value
        return Source(
            self.emit(step.origin, "conv_f32_bits", [self.real(x)], attributes, weight=words)
        )

    def _bits(self, sign: Sign) -> int:
        base, stages = _stages(sign, self.shown)
        if isinstance(base, Sign) and not any(map(_is_function, stages)):
            return self._moved(self.bits(base), stages)
        source = self.source(base)
        masks = _masks(stages, base.size[2])
        thresholds = _thresholds(source, stages, masks[0], base.size[2])
        # The module whose parameters the thresholds hold, for the report.
        folded = [one for one in stages if isinstance(one, Elementwise) and one.per_channel]
        node = self.emit(
            folded[-1].origin if folded else sign.origin,
            "threshold",
            [source.node],
            threshold=thresholds.value,
            below=pack_bits(thresholds.below),
        )
        mask = masks.pop(0)
        for stage in stages:
            if _is_function(stage):
                continue
            node = self._moved(node, [stage])
            if isinstance(stage, Pool):
                node, mask = self._flipped(sign.origin, node, mask ^ masks[0]), masks.pop(0)
        return node

    def _moved(self, node: int, stages: Sequence[Step]) -> int:
        """Pooling and flattening of bits."""
        for stage in stages:
            if isinstance(stage, Pool):
                node = self.emit(stage.origin, "max_pool", [node], dict(stage.attributes))
            else:
                node = self.emit(stage.origin, "flatten", [node])
        return node

    def _flipped(self, origin: str, node: int, mask: NDArray[np.bool_]) -> int:
        if not mask.any():
            return node
        return self.emit(origin, "flip", [node], mask=pack_bits(mask))


def _wastes_words(x: Step, kernel: tuple[int, int], groups: int) -> bool:
    """Whether a kernel as large as the map takes fewer words for its weights on a flat map.

    A tap takes whole words, so that a pixel of one channel would have 63 bits of padding.
    """
    rows, columns, channels = x.size
    whole = kernel == (rows, columns) and groups == 1
    return whole and words_for(rows * columns * channels) < rows * columns * words_for(channels)


def _whole_map(step: Conv) -> tuple[Step, tuple[int, int], Tensor]:
    """Input, kernel and weight; a linear layer on a flattened map is a kernel as large as it."""
    (x,) = step.sources
    out, _, height, width = step.weight.shape
    if (height, width) == (1, 1) and len(x.shape) == 1:
        unflattened = _before_flatten(x)
        if unflattened is not None:
            rows, columns, channels = unflattened.size
            weight = step.weight.reshape(out, channels, rows, columns)
            return unflattened, (rows, columns), weight
    return x, (height, width), step.weight


def _before_flatten(x: Step) -> Step | None:
    """The value that x is the flattened form of, where the network can do without flattening."""
    if isinstance(x, Flatten):
        return x.sources[0]
    if not isinstance(x, Sign):
        return None
    # sign(f(flatten(y))) is sign(f(y)), where f is the same for all channels.
    functions: list[Elementwise] = []
    step = x.sources[0]
    while isinstance(step, Elementwise) and not step.per_channel:
        functions.append(step)
        step = step.sources[0]
    if not isinstance(step, Flatten):
        return None
    (value,) = step.sources
    for function in reversed(functions):
        value = _moved_before(function, value)
    return Sign(x.origin, (value,), value.shape, x.call)


def _moved_before(function: Elementwise, value: Step) -> Elementwise:
    direction = None if function.direction is None else torch.ones(value.shape[0])
    return Elementwise(
        function.origin,
        (value,),
        value.shape,
        function.compute,
        direction,
        function.op,
        function.attributes,
        per_channel=False,
    )


def real_values(last: Step) -> frozenset[int]:
    """Steps whose value others than signs read as real numbers, as where a shortcut begins."""
    found: set[int] = set()
    for step in readers(last):
        real = isinstance(step, Join) or (isinstance(step, Pool) and step.op == "avg_pool")
        if real or isinstance(step, Conv):
            found |= {id(source) for source in step.sources if not isinstance(source, Sign)}
    return frozenset(found)


def _stages(sign: Sign, shown: frozenset[int]) -> tuple[Step, list[Step]]:
    """What the sign is taken of: a source, and the stages after it, in their order.

    A real value that the network makes in any case is a source: one look at it is less work
    than another look at what is before it.
    """
    stages: list[Step] = []
    step = sign.sources[0]
    while id(step) not in shown and _is_stage(step, stages):
        stages.insert(0, step)
        step = step.sources[0]
    return step, stages


def _is_stage(step: Step, later: Sequence[Step]) -> bool:
    if isinstance(step, Elementwise):
        return step.direction is not None
    if isinstance(step, Flatten):
        # Functions after it have a parameter per position, unless they have none.
        return not any(isinstance(one, Elementwise) and one.per_channel for one in later)
    return isinstance(step, Pool) and step.op == "max_pool"


def _is_function(stage: Step) -> bool:
    return isinstance(stage, Elementwise)


def _masks(stages: Sequence[Step], channels: int) -> list[NDArray[np.bool_]]:
    """Channels that are falling after each pooling, with all of them first, then after the next.

    The highest value of a window has the sign that any value of it has, where what follows
    rises; where it falls, the negated sign does so. Entry i says which channels are to be
    negated before pooling i; the last entry, none.
    """
    direction, masks = torch.ones(channels), [np.zeros(channels, bool)]
    for stage in reversed(stages):
        if isinstance(stage, Elementwise) and stage.direction is not None:
            # A stage after a flattening is the same for all channels, and rises.
            same = len(stage.direction) == channels
            direction = direction * (stage.direction if same else 1)
        elif isinstance(stage, Pool):
            masks.insert(0, (direction < 0).numpy())
    return masks


def _thresholds(
    source: Source, stages: Sequence[Step], mask: NDArray[np.bool_], channels: int
) -> Thresholds:
    negated = torch.from_numpy(mask)

    def computed(values: Tensor) -> Tensor:
        rows = (values * source.unit if source.unit != 1 else values)[None]
        for stage in stages:
            if isinstance(stage, Elementwise):
                rows = stage.compute(rows)
        return rows[0]

    def question(values: Tensor) -> Tensor:
        return (computed(values) > 0) ^ negated

    with torch.no_grad():
        if source.bound is None:
            return float_thresholds(question, lambda values: ~computed(values).isnan(), channels)
        return integer_thresholds(question, channels, source.bound)


def require_one_row(step: Step) -> None:
    """Raises: PackError where the network does not end in one score per class."""
    if step.size[:2] != (1, 1):
        raise PackError(f"the network gives values of shape {step.shape}; give one row of scores")
