"""Turn transposed convolutions into ordinary ones, one for each phase of the stride."""

from itertools import product
from typing import Any

import torch
from torch import Tensor

from signbit.pack._draft import Concat, Move, Step
from signbit.pack._layout import FILL
from signbit.pack._rule import RuleCall
from signbit.pack._weighted import Window, one_size, rescaled, weighted


def transposed(
    c: RuleCall,
    weight: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Step:
    """Output row y of phase r, y + padding = stride * q + r, adds the taps r, r + stride, ...

    weight: torch's weight, (in, out / groups, height, width). A transposed convolution would need
        zeros between the numbers of its input. They are not bits, and no phase reads them.
    """
    if dilation != (1, 1):
        c.refuse("a transposed convolution with dilation; give dilation=1, or a kernel with zeros")
    source, groups = c.map("input"), int(c["groups"])
    height, width = c.image_shape[1:] if len(c.image_shape) == 3 else (1, c.image_shape[1])
    kernel = _ordinary(weight, groups)
    scale = one_size(kernel)
    signs = kernel if scale is None else torch.where(kernel > 0, 1.0, -1.0)
    axes = [
        _Axis(source.size[0], height, stride[0], padding[0], kernel.shape[2]),
        _Axis(source.size[1], width, stride[1], padding[1], kernel.shape[3]),
    ]
    parts = [
        weighted(c, source, _phase(signs, axes, rest), _window(axes, rest, groups))
        for rest in product(axes[0].phases, axes[1].phases)
    ]
    step = _interleaved(c, parts, axes, len(kernel))
    return step if scale is None else rescaled(c, step, scale, torch.zeros_like(scale))


class _Axis:
    """Rows or columns.  phases: the phases of the stride that have a tap."""

    def __init__(self, source: int, output: int, stride: int, padding: int, kernel: int):
        self.stride, self.padding, self.kernel, self.output = stride, padding, kernel, output
        self.phases = range(min(stride, kernel))
        self.positions = max(source, (output - 1 + padding) // stride + 1)
        self.after = self.positions - source

    def taps(self, phase: int) -> int:
        return len(range(phase, self.kernel, self.stride))

    def table(self, step: int, phase_step: int) -> Tensor:
        """The place of each output among the outputs of the phases."""
        places = []
        for y in range(self.output):
            q, phase = divmod(y + self.padding, self.stride)
            missing = phase not in self.phases
            places.append(FILL if missing else q * step + phase * phase_step)
        return torch.tensor(places)


def _ordinary(weight: Tensor, groups: int) -> Tensor:
    """(out, in / groups, height, width), of taps in torch's order."""
    ins, outs, height, width = weight.shape
    grouped = weight.reshape(groups, ins // groups, outs, height, width)
    return grouped.transpose(1, 2).reshape(groups * outs, ins // groups, height, width)


def _phase(kernel: Tensor, axes: list[_Axis], rest: tuple[int, int]) -> Tensor:
    taps = kernel[:, :, rest[0] :: axes[0].stride, rest[1] :: axes[1].stride]
    return taps.flip((2, 3)).contiguous()


def _window(axes: list[_Axis], rest: tuple[int, int], groups: int) -> Window:
    before = [axis.taps(phase) - 1 for axis, phase in zip(axes, rest, strict=True)]
    padding = (before[0], before[1], axes[0].after, axes[1].after)
    return Window(padding=padding, groups=groups)


def _interleaved(c: RuleCall, parts: list[Step], axes: list[_Axis], channels: int) -> Step:
    rows, columns = axes
    size: Any = (rows.positions, columns.positions, channels * len(parts))
    joined = Concat(c.place, tuple(parts), size) if len(parts) > 1 else parts[0]
    down = rows.table(columns.positions * size[2], len(columns.phases) * channels)
    across = columns.table(size[2], channels)
    filled = any(bool((table == FILL).any()) for table in (down, across))
    return Move(
        c.place,
        (joined,),
        (rows.output, columns.output, channels),
        down,
        across,
        torch.arange(channels),
        0.0 if filled else None,
    )
