"""Windows of convolutions and pooling."""

from dataclasses import dataclass

from signbit.importers._same import positions_missing
from signbit.importers.onnx._attributes import Declared, Kind
from signbit.importers.onnx._call import Call

WINDOW: Declared = {
    "auto_pad": "NOTSET",
    "dilations": Kind.INTS,
    "kernel_shape": Kind.INTS,
    "pads": Kind.INTS,
    "strides": Kind.INTS,
}
_MOST = 1 << 16


@dataclass(frozen=True)
class Window:
    """How a kernel moves over a map; a number for each axis.

    before, after: the padding at the low and at the high end.
    outputs: the sizes of the result of a convolution or pooling, without the windows that
        ceil_mode adds.
    """

    sizes: list[int]
    kernel: list[int]
    stride: list[int]
    dilation: list[int]
    before: list[int]
    after: list[int]

    @property
    def reach(self) -> list[int]:
        """The sizes of a window with the gaps of its dilation."""
        pairs = zip(self.kernel, self.dilation, strict=True)
        return [(size - 1) * step + 1 for size, step in pairs]

    @property
    def around(self) -> list[int]:
        """The padding as torch takes it: the last axis first."""
        pairs = list(zip(self.before, self.after, strict=True))
        return [amount for pair in reversed(pairs) for amount in pair]


def window_of(call: Call, kernel: list[int] | None = None) -> Window:
    """The window of an operator on its first input.

    kernel: the sizes of the weights, where it has some.

    Raises: ConvertError for numbers that do not fit the input.
    """
    sizes = call.sizes(0)[1:]
    given: list[int] = call["kernel_shape"] or []
    kernel = given if kernel is None else kernel
    axes = len(sizes)
    stride, dilation = call["strides"] or [1] * axes, call["dilations"] or [1] * axes
    pads = call["pads"] or [0] * (2 * axes)
    numbers = [*kernel, *stride, *dilation]
    fits = len(kernel) == len(stride) == len(dilation) == axes
    if not fits or (given and given != kernel) or len(pads) != 2 * axes or axes < 1:
        raise call.error(f"a window {given or kernel} on a value {call.sizes(0)}")
    if min(numbers) < 1 or max(*numbers, *pads) > _MOST or min(pads) < 0:
        raise call.error(f"window {kernel}, strides {stride}, dilations {dilation}, pads {pads}")
    found = Window(sizes, kernel, stride, dilation, pads[:axes], pads[axes:])
    return found if call["auto_pad"] == "NOTSET" else _automatic(call, found)


def _automatic(call: Call, window: Window) -> Window:
    """With SAME, the result has as many positions as the strides leave."""
    mode = call["auto_pad"]
    if mode not in ("SAME_UPPER", "SAME_LOWER", "VALID") or any(window.around):
        raise call.error(f"auto_pad {mode!r} with pads {window.around}")
    if mode == "VALID":
        return window
    before, after = [], []
    for size, reach, step in zip(window.sizes, window.reach, window.stride, strict=True):
        total = positions_missing(size, reach, step)
        low = total // 2 if mode == "SAME_UPPER" else -(-total // 2)
        before.append(low)
        after.append(total - low)
    return Window(window.sizes, window.kernel, window.stride, window.dilation, before, after)
