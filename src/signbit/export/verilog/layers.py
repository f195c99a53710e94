"""The stages of one node."""

import numpy as np

from signbit.export._bounds import largest_sum
from signbit.export.verilog import cycles
from signbit.export.verilog.memory import Memory, join, memory_of_bits
from signbit.export.verilog.stage import Geometry, Stage
from signbit.format import Node, ValueType
from signbit.format.bits import unpack_bits
from signbit.format.types import U8


def window(number: int, geometry: Geometry, source: str, data: int) -> Stage:
    """A stage that gives the windows of a map with `data` bits for each position."""
    return Stage(
        number,
        "window",
        "signbit_window",
        source,
        {"DATA": data, **geometry.parameters()},
        {"s_data": "data"},
        {"m_taps": geometry.taps * data, "m_inside": geometry.taps},
        cycles.window(geometry.steps),
    )


def sums_bits(limit: int) -> int:
    """The number of bits for sums within +-limit, and for thresholds one beyond."""
    return (limit + 1).bit_length() + 1


def sums(number: int, node: Node, kind: ValueType, source: str, parallel: int) -> list[Stage]:
    """The stages of a convolution. A window comes first, unless the kernel is the whole map."""
    geometry = Geometry.of(node, kind)
    bits = kind.channels * (8 if kind.kind == U8 else 1)
    stages = []
    taps, positions, inputs = 1, geometry.taps, {"s_taps": "data", "s_inside": "1'b1"}
    if not geometry.is_whole_map:
        stages.append(window(number, geometry, source, bits))
        taps, positions, inputs = geometry.taps, 1, {"s_taps": "taps", "s_inside": "inside"}
        source = stages[-1].name
    lanes = min(parallel, node.attributes["channels"])
    width = sums_bits(largest_sum(node, kind))
    parameters: dict[str, int | str] = {
        "TAPS": taps,
        "CHANNELS": kind.channels,
        "OUTPUTS": node.attributes["channels"],
        "LANES": lanes,
        "GROUPS": node.attributes["groups"],
        "POSITIONS": positions,
        **_kind_parameters(node, kind),
        "SUM_BITS": width,
    }
    module = "signbit_sums_u8" if kind.kind == U8 else "signbit_sums_bits"
    weights = _weights(node, kind, lanes, positions)
    timing = cycles.passes(-(-node.attributes["channels"] // lanes), positions)
    outputs = {"m_sums": lanes * width}
    layout = (
        f"word position * {len(weights.words) // positions} + pass, "
        if positions > 1
        else "word pass, "
    ) + f"{lanes} output channels of {taps} taps of {kind.channels} bits, from bit 0 on"
    stages.append(
        Stage(
            number,
            "sums",
            module,
            source,
            parameters,
            inputs,
            outputs,
            timing,
            weights,
            memory_layout=layout,
        )
    )
    return stages


def _kind_parameters(node: Node, kind: ValueType) -> dict[str, int | str]:
    if kind.kind != U8:
        return {"PADDING_VALUE": node.attributes["padding_value"]}
    multiplier, low = node.attributes["multiplier"], node.attributes["offset"]
    high = 255 * multiplier + low
    return {
        "MULTIPLIER": multiplier,
        "OFFSET": low,
        "VALUE_BITS": max((~low if low < 0 else low), (~high if high < 0 else high)).bit_length()
        + 1,
    }


def _weights(node: Node, kind: ValueType, lanes: int, positions: int) -> Memory:
    """(positions, passes) words of (lanes, taps, channels) bits."""
    groups, outputs = node.attributes["groups"], node.attributes["channels"]
    inputs = kind.channels // groups
    tensor = unpack_bits(node.tensors["weight"], inputs).reshape(outputs, -1, inputs)
    passes = -(-outputs // lanes)
    weight = np.zeros((passes * lanes, tensor.shape[1], kind.channels), np.bool_)
    for channel in range(outputs):
        first = channel // (outputs // groups) * inputs
        weight[channel, :, first : first + inputs] = tensor[channel]
    taps = tensor.shape[1] // positions
    split = weight.reshape(passes, lanes, positions, taps * kind.channels)
    return memory_of_bits(split.transpose(2, 0, 1, 3).reshape(positions * passes, -1))


def threshold(number: int, node: Node, channels: int, source: Stage, limit: int) -> Stage:
    """A stage that turns sums into bits.  source: the stage that gives sums within +-limit."""
    lanes, bits = int(source.parameters["LANES"]), int(source.parameters["SUM_BITS"])
    below = unpack_bits(node.tensors["below"], channels)
    # The clipped threshold gives the same bit for every possible sum: > limit and < -limit are
    # never true, > -limit - 1 and < limit + 1 are always true.
    values = np.clip(
        node.tensors["threshold"].astype(np.int64),
        np.where(below, -limit, -limit - 1),
        np.where(below, limit + 1, limit),
    )
    fields = [int(f) for pair in zip(values, below, strict=True) for f in pair]
    passes = -(-channels // lanes)
    fields += [0] * (2 * (passes * lanes - channels))
    words = [
        join(fields[first : first + 2 * lanes], [bits, 1] * lanes)
        for first in range(0, len(fields), 2 * lanes)
    ]
    return Stage(
        number,
        "threshold",
        "signbit_threshold",
        source.name,
        {"CHANNELS": channels, "LANES": lanes, "SUM_BITS": bits},
        {"s_sums": "sums"},
        {"m_data": channels},
        cycles.collect(passes),
        Memory(lanes * (bits + 1), words),
        memory_layout=f"word pass, {lanes} output channels of a threshold of {bits} bits in two's "
        "complement and above it `below`, from bit 0 on",
    )


def compare(number: int, node: Node, channels: int, source: str) -> Stage:
    """Pixels to bits."""
    above = ~unpack_bits(node.tensors["below"], channels)
    # pixel > t is the opposite of pixel < t + 1.
    limits = np.clip(node.tensors["threshold"].astype(np.int64) + above, 0, 256).tolist()
    digits = join(limits, [9] * channels), join(above.astype(int).tolist(), [1] * channels)
    parameters: dict[str, int | str] = {
        "CHANNELS": channels,
        "LIMITS": f"{9 * channels}'h{digits[0]:x}",
        "ABOVE": f"{channels}'h{digits[1]:x}",
    }
    return Stage(
        number,
        "compare",
        "signbit_compare",
        source,
        parameters,
        {"s_data": "data"},
        {"m_data": channels},
        cycles.through,
        clocked=False,
    )


def pool(number: int, node: Node, kind: ValueType, source: str) -> list[Stage]:
    """Max pooling of bits."""
    geometry = Geometry.of(node, kind)
    first = window(number, geometry, source, kind.channels)
    second = Stage(
        number,
        "pool",
        "signbit_pool",
        first.name,
        {"TAPS": geometry.taps, "CHANNELS": kind.channels},
        {"s_taps": "taps", "s_inside": "inside"},
        {"m_data": kind.channels},
        cycles.through,
        clocked=False,
    )
    return [first, second]


def flip(number: int, node: Node, channels: int, source: str) -> Stage:
    """The opposite bits in some channels."""
    mask = int.from_bytes(node.tensors["mask"].astype("<u8").tobytes(), "little")
    return Stage(
        number,
        "flip",
        "signbit_flip",
        source,
        {"CHANNELS": channels, "MASK": f"{channels}'h{mask:x}"},
        {"s_data": "data"},
        {"m_data": channels},
        cycles.through,
        clocked=False,
    )


def concat(
    number: int, index: int, sources: tuple[str, str], widths: tuple[int, int], positions: int
) -> Stage:
    """The channels of two streams, one after the other.  index: which of several of a node."""
    return Stage(
        number,
        f"concat{index}" if index else "concat",
        "signbit_concat",
        sources[0],
        {"S_DATA": widths[0], "T_DATA": widths[1], "DEPTH": positions},
        {"s_data": "data", "t_data": "data"},
        {"m_data": sum(widths)},
        cycles.through,
        second=sources[1],
    )


def collect(number: int, channels: int, source: Stage, signal: str, bits: int) -> Stage:
    """All numbers of a position in one beat.  signal: the source's signal with a group of them."""
    lanes = source.outputs[f"m_{signal}"] // bits
    return Stage(
        number,
        "collect",
        "signbit_collect",
        source.name,
        {"CHANNELS": channels, "LANES": lanes, "BITS": bits},
        {"s_numbers": signal},
        {"m_data": channels * bits},
        cycles.collect(-(-channels // lanes)),
    )
