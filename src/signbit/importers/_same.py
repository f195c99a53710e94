"""The padding that TensorFlow and ONNX call SAME."""


def positions_missing(size: int, reach: int, stride: int) -> int:
    """How many positions one window for each `stride` positions needs beyond an axis of `size`.

    reach: the positions from the first tap of a window to the last.
    """
    return max((-(-size // stride) - 1) * stride + reach - size, 0)
