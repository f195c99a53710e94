"""Find stride, padding and dilation of a foreign convolution from the outputs that inputs reach."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.convert._box import Box
from signbit.convert._forms import Form, Sizes

_MOST_DILATION = 8
# Padding may be wider than the window reaches, but the excess must be less than this.
_MOST_RIM = 8


@dataclass(frozen=True)
class Geometry:
    """How the window of a convolution moves along each axis. Padding is a number or "same"."""

    stride: Sizes = ()
    padding: Sizes | Literal["same"] = ()
    dilation: Sizes = ()

    @property
    def padded(self) -> bool:
        """Whether there is padding at all."""
        return self.padding == "same" or any(self.padding)

    def sums(self, x: Tensor, weight: Tensor, groups: int, padding_value: float = 0.0) -> Tensor:
        """Correlate x with the weight; a linear layer has no geometry."""
        if not self.stride:
            return F.linear(x, weight)
        padded = F.pad(x, self._pads(weight.shape[2:]), value=padding_value)
        convolve = (F.conv1d, F.conv2d, F.conv3d)[len(self.stride) - 1]
        return convolve(padded, weight, None, self.stride, 0, self.dilation, groups)

    def _pads(self, kernel: Sizes) -> list[int]:
        pads: list[int] = []
        for axis in reversed(range(len(kernel))):
            if self.padding == "same":
                total = self.dilation[axis] * (kernel[axis] - 1)
                pads += [total // 2, total - total // 2]
            else:
                pads += [self.padding[axis]] * 2
        return pads


def find_geometry(box: Box, form: Form, x: Tensor, changes: dict[str, Tensor]) -> Geometry | None:
    """The geometry that explains which inputs reach which outputs; None where none does.

    x: inputs with values near -1 and +1. Small layers need several, as one change may cancel out.
    changes: tensors that replace the module's own, with weights that are not zero.
    """
    if not form.kernel:
        return Geometry()
    axes = range(len(form.kernel))
    found = [_fits(form.kernel[a], _reached(box, x, a + 2, changes, x.shape[a + 2])) for a in axes]
    if not all(found) or _groups(box, x, changes) != form.groups:
        return None
    for choice in ([_symmetric(axis) for axis in found], [_same(axis) for axis in found]):
        if all(fit is not None for fit in choice):
            stride, padding, dilation = zip(*choice, strict=True)  # pyright: ignore
            return Geometry(stride, "same" if "same" in padding else padding, dilation)
    return None


_Fit = tuple[int, int | Literal["same"], int]


def _symmetric(fits: list[_Fit]) -> _Fit | None:
    return next((fit for fit in fits if fit[1] != "same"), None)


def _same(fits: list[_Fit]) -> _Fit | None:
    return next((fit for fit in fits if fit[1] == "same"), None)


def _reached(box: Box, x: Tensor, axis: int, changes: dict[str, Tensor], places: int) -> Tensor:
    """Whether place i of an axis reaches output o of that axis: (places, outputs), booleans."""
    before = box.run(x, changes)
    bound = box.tolerance * before.abs().max()
    others = [one for one in range(x.ndim) if one != axis]
    rows = []
    for place in range(places):
        turned = x.clone()
        turned.select(axis, place).neg_()
        rows.append(((box.run(turned, changes) - before).abs() > bound).amax(others))
    return torch.stack(rows)


def _groups(box: Box, x: Tensor, changes: dict[str, Tensor]) -> int:
    """How many groups there are, from the share of outputs that the first channel reaches."""
    changed = _reached(box, x, 1, changes, 1)
    return round(changed.numel() / max(int(changed.sum()), 1))


def _fits(taps: int, reached: Tensor) -> list[_Fit]:
    """Every (stride, padding, dilation) of one axis that reaches exactly these places."""
    return [
        fit
        for fit in _candidates(taps, *reached.shape)
        if torch.equal(_expected(taps, fit, *reached.shape), reached.cpu())
    ]


def _candidates(taps: int, inputs: int, outputs: int) -> Iterator[_Fit]:
    for dilation in range(1, _MOST_DILATION + 1 if taps > 1 else 2):
        reach = dilation * (taps - 1)
        if outputs == inputs and reach % 2:
            yield 1, "same", dilation
        for stride in range(1, inputs + 1):
            for padding in range(reach + _MOST_RIM):
                if (inputs + 2 * padding - reach - 1) // stride + 1 == outputs:
                    yield stride, padding, dilation


def _expected(taps: int, fit: _Fit, inputs: int, outputs: int) -> Tensor:
    stride, padding, dilation = fit
    before = dilation * (taps - 1) // 2 if padding == "same" else padding
    expected = torch.zeros(inputs, outputs, dtype=torch.bool)
    for output in range(outputs):
        for tap in range(taps):
            place = output * stride - before + tap * dilation
            if 0 <= place < inputs:
                expected[place, output] = True
    return expected
