"""A packed network as stages between streams, or the reason why it cannot be that."""

from collections.abc import Callable
from dataclasses import replace

from signbit.errors import ExportError
from signbit.export._bounds import largest_sum
from signbit.export._interface import ExportRequest
from signbit.export._operations import refusal
from signbit.export.verilog import layers, tail
from signbit.export.verilog.outputs import add_output, require_class
from signbit.export.verilog.ports import InputPort, beat_bits
from signbit.export.verilog.scores import CannotExpressError, fixed_point
from signbit.export.verilog.stage import Stage
from signbit.export.verilog.streams import Stream, StreamPlan
from signbit.format import PackedModel
from signbit.format.types import BITS, F32, I32, U8

FORMAT = "verilog"


def make_plan(request: ExportRequest, parallel: int) -> StreamPlan:
    """Make the stages of a network.

    Raises: ExportError, which names a node or an input that modules of bits and integers cannot
        express.
    """
    model = request.model
    short = model.signature.is_of_images
    plan = StreamPlan(model, parallel, [InputPort(*one, short) for one in enumerate(model.inputs)])
    plan.streams |= {one.number: Stream(one.stream) for one in plan.inputs}
    for number in model.needed():
        _STAGES[model.node(number).op](plan, number)
        if model.types[number].kind == BITS and plan.streams[number].stage is not None:
            _check(plan, number)
    for output in model.outputs:
        add_output(plan, output)
    require_class(request, plan)
    return plan


def require_inputs(model: PackedModel) -> None:
    """Raises: ExportError, which names an input of real numbers."""
    for one in model.inputs:
        if one.kind == F32:
            raise ExportError(
                f"{FORMAT} cannot express input {one.name!r}: it is {F32}; streams carry only {U8} "
                "and bits. Give the network codes of 8 bits (Input.fixed_point) or bits, or export "
                "it to npz, mat, txt, c, onnx or torch, which accept every network."
            )


def _check(plan: StreamPlan, number: int) -> None:
    """Let the test bench compare the bits of a stage, once."""
    name = plan.streams[number].name
    if name not in [stage for _, stage in plan.checked]:
        plan.checked.append((number, name))


def _add_sums(plan: StreamPlan, number: int) -> None:
    node = plan.model.node(number)
    kind, source = plan.model.types[node.inputs[0]], plan.streams[node.inputs[0]]
    plan.add(number, *layers.sums(number, node, kind, source.name, plan.parallel))
    plan.streams[number] = replace(plan.streams[number], sums=number)


def _add_threshold(plan: StreamPlan, number: int) -> None:
    model, node = plan.model, plan.model.node(number)
    source, value = plan.streams[node.inputs[0]], model.types[node.inputs[0]]
    if value.kind == F32:
        raise _refused(plan, number, "real numbers are only allowed at the end: affine, softmax")
    if value.kind == U8:
        plan.add(number, layers.compare(number, node, value.channels, source.name))
        return
    limit = _limit(model, source)
    plan.add(number, layers.threshold(number, node, value.channels, source.giver, limit))


def _add_pool(plan: StreamPlan, number: int) -> None:
    model, node = plan.model, plan.model.node(number)
    if model.types[number].kind != BITS:
        raise _refused(plan, number, "it pools only bits")
    source = node.inputs[0]
    plan.add(number, *layers.pool(number, node, model.types[source], plan.streams[source].name))


def _add_flip(plan: StreamPlan, number: int) -> None:
    node, channels = plan.model.node(number), plan.model.types[number].channels
    plan.add(number, layers.flip(number, node, channels, plan.streams[node.inputs[0]].name))


def _add_concat(plan: StreamPlan, number: int) -> None:
    model, (first, *others) = plan.model, plan.model.node(number).inputs
    value = model.types[number]
    if value.kind not in (U8, BITS):
        reason = "it joins only bits and codes of 8 bits; join the values after their signs"
        raise _refused(plan, number, reason)
    plan.streams[number] = plan.streams[first]
    width = beat_bits(model.types[first])
    for index, other in enumerate(others):
        more = beat_bits(model.types[other])
        names = (plan.streams[number].name, plan.streams[other].name)
        plan.add(number, layers.concat(number, index, names, (width, more), value.positions))
        width += more


def _add_flatten(plan: StreamPlan, number: int) -> None:
    (source,) = plan.model.node(number).inputs
    if plan.model.types[source].positions != 1:
        raise _refused(plan, number, "a map can only be flattened before a linear layer")
    plan.streams[number] = plan.streams[source]


def _add_affine(plan: StreamPlan, number: int) -> None:
    model, node = plan.model, plan.model.node(number)
    source = plan.streams[node.inputs[0]]
    if source.is_softmax:
        raise _refused(plan, number, "nothing may follow softmax")
    chain = (*source.affines, number)
    try:
        affines = fixed_point([model.node(n) for n in chain], _limit(model, source))
    except CannotExpressError as reason:
        raise _refused(plan, number, str(reason)) from reason
    giver = source.giver
    if model.types[node.inputs[0]].kind == I32:
        giver = _serial(plan, source, model.types[number].channels)
    plan.add(number, tail.affine(number, affines[-1], giver))
    plan.streams[number] = replace(
        plan.streams[number], sums=source.sums, affines=chain, fraction=affines[-1].fraction
    )


def _serial(plan: StreamPlan, source: Stream, channels: int) -> Stage:
    """The stage that returns sums one by one. All that read them so share it."""
    stage = tail.serial(source.node, channels, source.giver)
    for there in plan.stages:
        if there.name == stage.name:
            return there
    plan.stages.append(stage)
    return stage


def _add_softmax(plan: StreamPlan, number: int) -> None:
    (source,) = plan.model.node(number).inputs
    if plan.streams[source].is_softmax:
        raise _refused(plan, number, "nothing may follow softmax")
    plan.streams[number] = replace(plan.streams[source], is_softmax=True)


def _refused(plan: StreamPlan, number: int, reason: str) -> ExportError:
    return refusal(plan.model, number, FORMAT, reason)


# The function that adds the stages of each operation.
_STAGES: dict[str, Callable[[StreamPlan, int], None]] = {
    "conv_u8": _add_sums,
    "conv_bits": _add_sums,
    "threshold": _add_threshold,
    "max_pool": _add_pool,
    "flip": _add_flip,
    "concat": _add_concat,
    "flatten": _add_flatten,
    "affine": _add_affine,
    "softmax": _add_softmax,
    "log_softmax": _add_softmax,
}


def _limit(model: PackedModel, source: Stream) -> int:
    node = model.node(source.node)
    return largest_sum(node, model.types[node.inputs[0]])
