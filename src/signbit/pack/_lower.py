"""Turn steps into the nodes of a packed network, with integers and bits wherever that is exact."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from signbit.errors import PackError
from signbit.format import Node
from signbit.format.bits import pack_bits
from signbit.format.types import BITS, U8
from signbit.pack._draft import (
    Concat,
    Conv,
    Flatten,
    Given,
    MaxPool,
    Move,
    Pointwise,
    RealForm,
    RealNode,
    RealStep,
    Step,
    in_order,
)
from signbit.pack._fold import Carried, Comparison, Folding, OfBits
from signbit.pack._pixels import pixel_code
from signbit.pack._two_values import Levels, Reason
from signbit.pack._weighted import wastes_words, why_real


@dataclass(frozen=True)
class Scaled:
    """A packed value that stands for a real one: `unit` times the value of the node.

    whole: whether the value of the node is whole numbers. Otherwise it is float32.
    """

    node: int
    unit: float = 1.0
    whole: bool = False


@dataclass
class PackedNode:
    """A node of the packed network, and the path of the module that it comes from."""

    node: Node
    origin: str


@dataclass
class Lowering:
    """The nodes made so far, and the node with each step's value.

    inputs: how many inputs the network has; they have the first numbers.
    bits: for each step of two levels, the node with its bits.
    reasons: by path, the reason why a layer stays real.
    """

    folding: Folding
    inputs: int = 1
    made: list[PackedNode] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    bits: dict[Step, int] = field(default_factory=dict)
    _numbers: dict[Step, Scaled] = field(default_factory=dict)
    _reals: dict[Step, int] = field(default_factory=dict)

    def emit(
        self,
        origin: str,
        op: str,
        inputs: Sequence[int],
        attributes: dict[str, Any] | None = None,
        **tensors: NDArray[Any],
    ) -> int:
        """Append a node; returns its number."""
        # A copy, because the module's parameters may be trained further.
        own = {name: np.array(value) for name, value in tensors.items()}
        self.made.append(PackedNode(Node(op, tuple(inputs), attributes or {}, own), origin))
        return self.inputs + len(self.made) - 1

    def outputs(self, last: Sequence[Step]) -> list[int]:
        """The nodes with the float32 values of the last steps.

        Steps are made in their order, so calls do not nest, however many steps there are.
        """
        order = in_order(*last)
        wanted = {*last, *(step for step in order if isinstance(step, Conv | RealStep))}
        for step in reversed(order):
            if step in wanted:
                wanted.update(self._numbers_before(step))
        for step in order:
            if step in wanted:
                self.number(step)
        given: list[int] = []
        for step in last:
            node = self.real(step)
            # An output must be a node, and two outputs must be two nodes.
            copied = node < self.inputs or node in given
            given.append(self._affine(step, node, 1.0) if copied else node)
        return given

    def _numbers_before(self, step: Step) -> Sequence[Step]:
        """The sources of a step that are needed as numbers, not as bits."""
        if isinstance(step, Conv):
            is_real = not step.on_bits and self.folding.pixels(step.sources[0]) is None
            return step.sources if is_real else ()
        if _may_be_bits(step) and self.folding.levels(step) is not None:
            return ()
        if isinstance(step, Pointwise):
            return () if step.form is None else [step.sources[one] for one in step.form.sources()]
        return step.sources

    @property
    def is_exact(self) -> bool:
        """Whether all operations on real numbers are rounded where torch rounds."""
        return all(
            step.exact
            for step in self._numbers
            if isinstance(step, Conv | RealStep)
            or (isinstance(step, Pointwise) and self.folding.levels(step) is None)
        )

    def real(self, step: Step) -> int:
        """The node with the float32 value of a step."""
        number = self.number(step)
        if not number.whole:
            return number.node
        if step not in self._reals:
            self._reals[step] = self._affine(step, number.node, number.unit)
        return self._reals[step]

    def _affine(self, step: Step, node: int, unit: float) -> int:
        """The float32 numbers of a node, times a unit."""
        scale = np.full(step.size[2], unit, np.float32)
        bias = np.zeros(step.size[2], np.float32)
        return self.emit(step.place.path, "affine", [node], scale=scale, bias=bias)

    def number(self, step: Step) -> Scaled:
        """The value of a step, made on the first call."""
        if step not in self._numbers:
            self._numbers[step] = self._number(step)
        return self._numbers[step]

    def bit(self, step: Step) -> int:
        """The node with the bits of a step of two levels."""
        if step not in self.bits:
            self.bits[step] = self._bit(step)
        return self.bits[step]

    def _number(self, step: Step) -> Scaled:
        if isinstance(step, Conv):
            return self._conv(step)
        levels = self.folding.levels(step) if _may_be_bits(step) else None
        if levels is not None:
            return Scaled(self._of_levels(step, levels))
        if isinstance(step, Pointwise):
            return self._pointwise(step)
        if isinstance(step, Given):
            return Scaled(self._given(step))
        if isinstance(step, RealStep):
            sources = [self.real(source) for source in step.sources]
            one_size = len({source.size for source in step.sources}) == 1
            node = _plain(step.node) if one_size else step.node
            return Scaled(self._real_node(step.place.path, node, sources, step.size[2]))
        whole = self.folding.integers(step)
        if whole is not None:
            nodes = [self.number(source).node for source in step.sources]
        else:
            nodes = [self.real(source) for source in step.sources]
        node = self._carry(step, nodes, getattr(step, "fill", None))
        return Scaled(node) if whole is None else Scaled(node, whole.unit, whole=True)

    def _given(self, step: Given) -> int:
        if step.input.kind != U8:
            return step.number
        scale, bias = (np.array(one, np.float32) for one in (step.input.scale, step.input.bias))
        return self.emit(step.place.path, "normalize", [step.number], scale=scale, bias=bias)

    def _carry(self, step: Step, sources: Sequence[int], fill: float | None) -> int:
        """Emit pooling, joining or movement, for bits or numbers."""
        path = step.place.path
        if isinstance(step, MaxPool):
            return self.emit(path, "max_pool", sources, dict(step.attributes))
        if isinstance(step, Flatten):
            return self.emit(path, "flatten", sources)
        if isinstance(step, Concat):
            return self.emit(path, "concat", sources)
        assert isinstance(step, Move)
        tables = {
            name: getattr(step, name).numpy().astype(np.int32)
            for name in ("rows", "columns", "channels")
        }
        attributes = {"size": step.size, "fill": float(-1 if fill is None else fill)}
        return self.emit(path, "move", sources, attributes, **tables)

    def _of_levels(self, step: Step, levels: Levels) -> int:
        node = self.emit(step.place.path, "signs", [self.bit(step)])
        centre, distance = (levels.low + levels.high) / 2, (levels.high - levels.low) / 2
        if bool((centre == 0).all()) and bool((distance == 1).all()):
            return node
        scale, bias = distance.numpy(), centre.numpy()
        return self.emit(step.place.path, "affine", [node], scale=scale, bias=bias)

    def _pointwise(self, step: Pointwise) -> Scaled:
        if step.form is None:
            name = step.result.call.operator if step.result is not None else "a function"
            raise PackError(
                f"{step.place}: {name}: its value is used as a real number, for which there is no "
                "packed operation; use it only before a sign, or use another function"
            )
        if self.folding.has_third_when_flat(step):
            raise PackError(
                f"{step.place}: its sign cannot be packed: it gives 0 where an image is flat; "
                "write torch.where(x > 0, 1.0, -1.0)"
            )
        return Scaled(self._formed(step.place.path, step.form, step))

    def _formed(self, path: str, form: RealForm, step: Pointwise) -> int:
        nodes = list(form.nodes)
        inputs = []
        # A part that is made of constants alone has one position.
        broadcast = any(
            isinstance(one, Tensor) or (isinstance(one, RealForm) and not one.sources())
            for one in form.operands
        )
        for operand in form.operands:
            if isinstance(operand, RealForm):
                inputs.append(self._formed(path, operand, step))
                continue
            if isinstance(operand, Tensor):
                inputs.append(self._constant(path, operand, step))
                continue
            source = step.sources[operand]
            # An affine operation can read whole numbers directly, where they need no unit.
            direct = bool(nodes) and nodes[0].op == "affine" and self.number(source).unit == 1
            inputs.append(self.number(source).node if direct else self.real(source))
        for index, node in enumerate(nodes):
            plain = node if broadcast and index == 0 else _plain(node)
            inputs = [self._real_node(path, plain, inputs, step.size[2])]
        return inputs[0]

    def _constant(self, path: str, values: Tensor, step: Pointwise) -> int:
        """One position with constants, which goes with all positions of another value."""
        nowhere = np.full(1, -1, np.int32)
        attributes = {"size": (1, 1, values.numel()), "fill": 0.0}
        channels = np.full(values.numel(), -1, np.int32)
        # Nothing of the value is read. The format has no constants, so a `move` makes the zeros.
        node = self.emit(
            path,
            "move",
            [self.number(step.sources[0]).node],
            attributes,
            rows=nowhere,
            columns=nowhere,
            channels=channels,
        )
        ones, bias = np.ones(values.numel(), np.float32), values.float().reshape(-1).numpy()
        return self.emit(path, "affine", [node], scale=ones, bias=bias)

    def _real_node(self, path: str, node: RealNode, inputs: Sequence[int], channels: int) -> int:
        tensors = {
            name: tensor.float().expand(channels).numpy() for name, tensor in node.tensors.items()
        }
        return self.emit(path, node.op, inputs, dict(node.attributes), **tensors)

    def _conv(self, step: Conv) -> Scaled:
        path = step.place.path
        # The file holds weights in the order of maps: channels innermost.
        weight = step.weight.permute(0, 2, 3, 1).numpy()
        (source,) = step.sources
        attributes: dict[str, Any] = {
            "channels": weight.shape[0],
            "kernel": tuple(weight.shape[1:3]),
            "stride": step.stride,
            "padding": step.padding,
            "dilation": step.dilation,
            "groups": step.groups,
        }
        if not step.binary:
            self.reasons[path] = why_real(step.weight)
            node = self.emit(path, "conv_f32", [self.real(source)], attributes, weight=weight)
            return Scaled(node)
        words = pack_bits(weight > 0)
        whole = self.folding.integers(step)
        if step.on_bits:
            attributes["padding_value"] = step.padding_value
            node = self.bit(source)
            # Flattening bits takes time too, so it must save a lot.
            node, words = self._flat(step, node, attributes, words, least_saving=4)
            node = self.emit(path, "conv_bits", [node], attributes, weight=words)
            return Scaled(node, whole=True)
        if whole is not None:
            return Scaled(self._pixel_conv(step, attributes, words), whole.unit, whole=True)
        self.reasons[path] = _why_real_input(source)
        attributes["padding_value"] = step.padding_value
        node = self.emit(path, "conv_f32_bits", [self.real(source)], attributes, weight=words)
        return Scaled(node)

    def _pixel_conv(self, step: Conv, attributes: dict[str, Any], words: NDArray[np.uint64]) -> int:
        (source,) = step.sources
        assert isinstance(source, Given)
        code, node = pixel_code(source.input), source.number
        assert code is not None
        attributes |= {"multiplier": code.multiplier, "offset": code.offset}
        node, words = self._flat(step, node, attributes, words)
        return self.emit(step.place.path, "conv_u8", [node], attributes, weight=words)

    def _flat(
        self,
        step: Conv,
        node: int,
        attributes: dict[str, Any],
        words: NDArray[np.uint64],
        least_saving: int = 1,
    ) -> tuple[int, NDArray[np.uint64]]:
        """The source of a step as a row, and its weights for that, where this saves words."""
        (source,) = step.sources
        kernel = attributes["kernel"]
        if any(step.padding) or not wastes_words(source, kernel, step.groups, least_saving):
            return node, words
        attributes["kernel"] = (1, 1)
        row = self.emit(step.place.path, "flatten", [node])
        return row, pack_bits(step.weight.reshape(len(words), 1, 1, -1).numpy() > 0)

    def _bit(self, step: Step) -> int:
        if isinstance(step, Pointwise):
            return self._bit_of_function(step)
        if isinstance(step, Given):
            return step.number
        fill = getattr(step, "fill", None)
        if fill is not None:
            levels = self.folding.levels(step)
            assert levels is not None
            fill = 1.0 if fill == float(levels.high[0]) else -1.0
        return self._carry(step, [self.bit(source) for source in step.sources], fill)

    def _bit_of_function(self, step: Pointwise, mask: Tensor | None = None) -> int:
        """The bits of a function, negated in the channels of the mask."""
        plan, path = self.folding.plan(step), step.place.path
        if isinstance(plan, Reason):
            raise PackError(
                f"{step.place}: its sign cannot be packed: {plan.text}; write "
                "torch.where(x > 0, 1.0, -1.0)"
            )
        if isinstance(plan, OfBits):
            return self._flipped(path, self.bit(plan.of), _both(plan.mask, mask))
        if isinstance(plan, Carried):
            node = self._bit_of_function(plan.inner, plan.mask)
            node = self._carry(plan.through, [node], None)
            # A movement may change the channels. It needs no mask.
            own = plan.mask if isinstance(plan.through, MaxPool) else None
            return self._flipped(path, node, _both(own, mask))
        thresholds = plan.thresholds(mask)
        return self.emit(
            _origin(step, plan.of),
            "threshold",
            [self._compared(plan)],
            threshold=thresholds.value,
            below=pack_bits(thresholds.below),
        )

    def _compared(self, plan: Comparison) -> int:
        if self.folding.pixels(plan.of) is None:
            return self.number(plan.of).node
        if isinstance(plan.of, Given):
            return plan.of.number
        return self._carry(plan.of, [self._compared(plan._replace(of=plan.of.sources[0]))], None)

    def _flipped(self, origin: str, node: int, mask: Tensor | None) -> int:
        if mask is None or not bool(mask.any()):
            return node
        return self.emit(origin, "flip", [node], mask=pack_bits(mask.numpy()))


def _plain(node: RealNode) -> RealNode:
    """The sum of two values of the same size as `add`, which is a separate operation."""
    is_sum = node.op == "binary" and node.attributes["function"] == "add"
    return RealNode("add") if is_sum else node


def _both(mask: Tensor | None, other: Tensor | None) -> Tensor | None:
    """The channels that exactly one of two masks negates."""
    return (mask if other is None else other) if mask is None or other is None else mask ^ other


def _may_be_bits(step: Step) -> bool:
    real = isinstance(step, Given) and step.input.kind != BITS
    return not real and not isinstance(step, RealStep)


def _origin(step: Pointwise, of: Step) -> str:
    """The module whose parameters the thresholds hold, for the report."""
    folded = step
    found = ""
    stack: list[Step] = [step]
    seen = set[Step]()
    while stack:
        folded = stack.pop()
        if folded is of or folded in seen or not isinstance(folded, Pointwise):
            continue
        seen.add(folded)
        if not folded.uniform and not found:
            found = folded.place.path
        stack.extend(folded.sources)
    return found or step.place.path


def _why_real_input(source: Step) -> str:
    if isinstance(source, Given) and source.input.kind == U8 and pixel_code(source.input) is None:
        return "its input is real, with a different scale per channel"
    return "its input is real"
