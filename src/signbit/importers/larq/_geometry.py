"""Windows as TensorFlow Lite places them."""

from dataclasses import dataclass

from signbit.importers._same import positions_missing

SAME, VALID = 0, 1  # the numbers of the schema


@dataclass(frozen=True)
class Axis:
    """Windows along one axis.

    size: of the input.  kernel, stride, dilation: of the window.  outputs: how many windows.
    before, after: the positions that the windows need beyond the ends of the input.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    outputs: int
    before: int
    after: int


def axis(size: int, kernel: int, stride: int, dilation: int, padding: int) -> Axis:
    """Place the windows.  padding: SAME or VALID.

    With SAME there is a window for each `stride` positions, and an odd number of further positions
    has the larger part at the end. With VALID no window leaves the input.
    """
    reach = (kernel - 1) * dilation + 1
    if padding == VALID:
        outputs = (size - reach) // stride + 1
        return Axis(size, kernel, stride, dilation, outputs, 0, 0)
    outputs = -(-size // stride)
    missing = positions_missing(size, reach, stride)
    return Axis(size, kernel, stride, dilation, outputs, missing // 2, missing - missing // 2)
