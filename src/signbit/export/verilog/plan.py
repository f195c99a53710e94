"""A packed network as a chain of stages, or the reason why it cannot be one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from signbit.errors import ExportError
from signbit.export._bounds import largest_sum
from signbit.export._interface import ExportRequest
from signbit.export._operations import refusal
from signbit.export.verilog import layers, tail
from signbit.export.verilog.operations import TAIL
from signbit.export.verilog.scores import CannotExpressError, fixed_point
from signbit.export.verilog.stage import PIXELS, Stage
from signbit.format import PackedModel
from signbit.format.types import BITS, F32, I32, U8

FORMAT = "verilog"


@dataclass
class StreamPlan:
    """The stages of a network, and facts about them.

    checked: node and name of each stage that gives the bits of a node.
    last_sums: the node with the sums that the scores are computed from.
    last_score: the node whose float32 numbers are exactly the scores.
    fraction: number of bits of a score after the point.
    """

    stages: list[Stage] = field(default_factory=list)
    checked: list[tuple[int, str]] = field(default_factory=list)
    last_sums: int = 0
    last_score: int = 0
    fraction: int = 0


def make_plan(request: ExportRequest, parallel: int) -> StreamPlan:
    """Make the stages of a network.

    Raises: ExportError naming a node that modules of bits and integers cannot express.
    """
    model, plan = request.model, StreamPlan()
    tail = _tail(model)
    # Each accepted operation reads one value, so the needed nodes form a chain.
    for number in model.needed():
        if number < tail[0]:
            _BODY[model.node(number).op](plan, model, number, parallel)
    _add_scores(plan, model, [n for n in tail if model.node(n).op == "affine"])
    _require_class(request, plan)
    return plan


def _tail(model: PackedModel) -> list[int]:
    """The nodes that make the scores: the first affine one, and all after it."""
    needed = model.needed()
    ops = [model.node(number).op for number in needed]
    start = ops.index("affine") if "affine" in ops else len(ops) - 1
    for at, number in enumerate(needed[start:], start):
        if ops[at] not in TAIL or not _is_row(model, number) or model.types[number].kind != F32:
            raise refusal(
                model, number, FORMAT,
                "real numbers are only allowed at the end: convolution to 1x1, affine, softmax",
            )  # fmt: skip
        if ops[at] == "affine" and {"softmax", "log_softmax"} & set(ops[:at]):
            raise refusal(model, number, FORMAT, "nothing may follow softmax")
    source = model.node(needed[start]).inputs[0]
    while source and model.node(source).op == "flatten":
        (source,) = model.node(source).inputs
    if model.types[source].kind != I32 or not model.operation(source).is_convolution:
        raise refusal(model, needed[start], FORMAT, "scores start from the sums of a convolution")
    return needed[start:]


def _is_row(model: PackedModel, number: int) -> bool:
    return model.types[number].height == model.types[number].width == 1


def _source(plan: StreamPlan) -> str:
    return plan.stages[-1].name if plan.stages else PIXELS


def _add_sums(plan: StreamPlan, model: PackedModel, number: int, parallel: int) -> None:
    node = model.node(number)
    kind = model.types[node.inputs[0]]
    plan.stages += layers.sums(number, node, kind, _source(plan), parallel)
    plan.last_sums = number


def _add_threshold(plan: StreamPlan, model: PackedModel, number: int, parallel: int) -> None:
    node, channels = model.node(number), model.types[number].channels
    if model.types[node.inputs[0]].kind == U8:
        plan.stages.append(layers.compare(number, node, channels, _source(plan)))
    else:
        limit = _limit(plan, model)
        plan.stages.append(layers.threshold(number, node, channels, plan.stages[-1], limit))
    plan.checked.append((number, plan.stages[-1].name))


def _add_pool(plan: StreamPlan, model: PackedModel, number: int, parallel: int) -> None:
    if model.types[number].kind != BITS:
        raise refusal(model, number, FORMAT, "it pools only bits")
    node = model.node(number)
    kind = model.types[node.inputs[0]]
    plan.stages += layers.pool(number, node, kind, _source(plan))
    plan.checked.append((number, plan.stages[-1].name))


def _add_flip(plan: StreamPlan, model: PackedModel, number: int, parallel: int) -> None:
    node, channels = model.node(number), model.types[number].channels
    plan.stages.append(layers.flip(number, node, channels, _source(plan)))
    plan.checked.append((number, plan.stages[-1].name))


def _add_flatten(plan: StreamPlan, model: PackedModel, number: int, parallel: int) -> None:
    if not _is_row(model, model.node(number).inputs[0]):
        raise refusal(
            model, number, FORMAT, "a map can only be flattened before a linear layer"
        )  # fmt: skip


# The operations before the scores, and the function that adds the stages of each.
_BODY: dict[str, Callable[[StreamPlan, PackedModel, int, int], None]] = {
    "conv_u8": _add_sums,
    "conv_bits": _add_sums,
    "threshold": _add_threshold,
    "max_pool": _add_pool,
    "flip": _add_flip,
    "flatten": _add_flatten,
}


def _limit(plan: StreamPlan, model: PackedModel) -> int:
    node = model.node(plan.last_sums)
    return largest_sum(node, model.types[node.inputs[0]])


def _add_scores(plan: StreamPlan, model: PackedModel, numbers: Sequence[int]) -> None:
    plan.last_score = numbers[-1]
    try:
        affines = fixed_point([model.node(n) for n in numbers], _limit(plan, model))
    except CannotExpressError as reason:
        raise refusal(model, numbers[0], FORMAT, str(reason)) from reason
    classes = model.types[-1].channels
    plan.stages.append(tail.serial(plan.last_sums, classes, plan.stages[-1]))
    for number, affine in zip(numbers, affines, strict=True):
        plan.stages.append(tail.affine(number, affine, plan.stages[-1]))
    plan.stages.append(tail.argmax(plan.last_score, classes, plan.stages[-1]))
    plan.fraction = affines[-1].fraction


def _require_class(request: ExportRequest, plan: StreamPlan) -> None:
    """Refuse golden images whose class differs before and after softmax.

    The Verilog takes the class before softmax, which could round two scores to the same number.
    Raises: ExportError naming a golden image where that changes the class.
    """
    images = request.golden.samples
    before = request.golden.values[plan.last_score].reshape(images, -1).argmax(1)
    after = request.golden.outputs["scores"].argmax(1)
    differ: Sequence[int] = np.flatnonzero(before != after).tolist()
    if differ:
        error: ExportError = refusal(
            request.model, len(request.model.nodes), FORMAT,
            f"for golden image {differ[0]} it rounds the scores of classes {before[differ[0]]} and "
            f"{after[differ[0]]} to the same number; choose other samples",
        )  # fmt: skip
        raise error
