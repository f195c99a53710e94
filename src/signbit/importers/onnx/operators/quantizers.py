"""Quantizers of one bit."""

from collections.abc import Callable

import torch
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import QONNX, reads

_MANY_BITS = (
    "only networks with weights and activations of one bit can be read, with more bits only at "
    "the inputs"
)
# A wider input would hold numbers that float32 rounds.
_MOST_INPUT_BITS = 16


@reads("BipolarQuant", inputs=(2, 2), domains=QONNX)
def _bipolar(call: Call) -> None:
    """+scale where x >= 0, else -scale. NaN gives -scale."""
    scaled = _scaled if _differs(_parameter(call, 1), 1) else _same
    call.require_float(0)
    call.require_samples_first(0, 1)
    call.emit(lambda x, scale: scaled(_signs(x), scale), 0, 1)


@reads(
    "Quant",
    "IntQuant",
    inputs=(4, 4),
    attributes={"signed": Kind.INT, "narrow": Kind.INT, "rounding_mode": "ROUND"},
    domains=QONNX,
)
def _quant(call: Call) -> None:
    """round(clamp(x / scale + zero)), or its sign where it is signed and has one bit.

    Then minus zero, times scale.
    """
    scale, zero, bits = _parameter(call, 1), _parameter(call, 2), call.number(3)
    call.require_float(0)
    call.require_samples_first(0, 1, 2)
    if call["signed"] is None or call["narrow"] is None:
        raise call.error("it does not say whether it is signed and narrow")
    if bits != 1 and not _is_at_input(call, bits):
        raise call.error(f"it has {bits:g} bits; {_MANY_BITS}")
    to_level = _signs if bits == 1 and call["signed"] else _levels(call, int(bits))

    # Nothing is computed where nothing changes, so that a report shows no such operations.
    divided, scaled = (_divided, _scaled) if _differs(scale, 1) else (_same, _same)
    shifted = _shifted if _differs(zero, 0) else _same

    def compute(x: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
        level = to_level(shifted(divided(x, scale), zero))
        return scaled(shifted(level, -zero), scale)

    call.emit(compute, 0, 1, 2)


def _is_at_input(call: Call, bits: float) -> bool:
    """Whether it quantizes an input of the network, before any layer with weights."""
    value = call.value(0)
    at_input = not call.is_constant(0) and value not in call.network.weighted
    return at_input and bits == int(bits) and 1 < bits <= _MOST_INPUT_BITS


def _levels(call: Call, bits: int) -> Callable[[Tensor], Tensor]:
    """Clamp to the whole numbers of so many bits, then round."""
    highest = 2 ** (bits - 1) - 1 if call["signed"] else 2**bits - 1 - bool(call["narrow"])
    lowest = (-highest - 1 + bool(call["narrow"])) if call["signed"] else 0
    rounding = _ROUNDING.get(call["rounding_mode"].upper())
    if rounding is None:
        raise call.error(
            f"rounding_mode {call['rounding_mode']!r}; known: {', '.join(sorted(_ROUNDING))}"
        )
    return lambda x: rounding(x.clamp(lowest, highest))


_ROUNDING: dict[str, Callable[[Tensor], Tensor]] = {
    "ROUND": torch.round,
    "HALF_EVEN": torch.round,
    "CEIL": torch.ceil,
    "FLOOR": torch.floor,
    "UP": lambda x: torch.sign(x) * torch.ceil(torch.abs(x)),
    "DOWN": torch.trunc,
    "HALF_UP": lambda x: torch.sign(x) * torch.floor(torch.abs(x) + 0.5),
    "HALF_DOWN": lambda x: torch.sign(x) * torch.ceil(torch.abs(x) - 0.5),
}


@reads(
    "MultiThreshold",
    inputs=(2, 2),
    attributes={
        "out_dtype": Kind.STRING,
        "out_scale": 1.0,
        "out_bias": 0.0,
        "data_layout": "",
    },
    domains=QONNX,
)
def _multi_threshold(call: Call) -> None:
    """out_scale * (x >= threshold) + out_bias, with a threshold for each channel, or for all."""
    thresholds = _parameter(call, 1)
    call.require_float(0)
    if thresholds.dim() != 2 or thresholds.shape[1] != 1:
        raise call.error(
            f"thresholds of the shape {list(thresholds.shape)}, not [channels, 1]; {_MANY_BITS}"
        )
    rank, layout = call.rank(0), call["data_layout"]
    # Without a layout, the definition guesses one from the number of axes.
    layout = layout or {2: "NC", 3: "NWC", 4: "NCHW"}.get(rank, "")
    channels = layout.index("C") if "C" in layout else 1
    sizes = [-1, *call.sizes(0)]
    if not 0 < channels < rank or len(thresholds) not in (1, sizes[channels]):
        raise call.error(
            f"{len(thresholds)} thresholds for a value {[*sizes[1:]]} in the layout {layout!r}"
        )
    shape = [1] * rank
    shape[channels] = -1
    scale, bias = call["out_scale"], call["out_bias"]

    def compute(x: Tensor, limits: Tensor) -> Tensor:
        return (x >= limits.reshape(shape)).to(torch.float32) * scale + bias

    call.emit(compute, 0, 1)


@reads("Sign")
def _sign(call: Call) -> None:
    """-1, 0 or +1. Three values are no bit: `pack` refuses it where zeros can occur."""
    call.require_float(0)
    call.emit(torch.sign, 0)


def _parameter(call: Call, position: int) -> Tensor:
    found = call.constant(position)
    if found.dtype != torch.float32:
        raise call.error(f"input {position} is {found.dtype}; float32 is needed")
    return found


def _signs(x: Tensor) -> Tensor:
    return torch.where(x >= 0, 1.0, -1.0)


def _differs(constant: Tensor, neutral: float) -> bool:
    """Whether an operator with the constant changes a number, or the shape."""
    return constant.dim() > 1 or bool((constant != neutral).any())


def _same(x: Tensor, neutral: Tensor) -> Tensor:
    return x


def _scaled(x: Tensor, scale: Tensor) -> Tensor:
    return x * scale


def _divided(x: Tensor, scale: Tensor) -> Tensor:
    return x / scale


def _shifted(x: Tensor, zero: Tensor) -> Tensor:
    return x + zero
