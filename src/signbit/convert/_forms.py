"""The convolutions and linear layers that a tensor may be the weight of, judged by sizes alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Sizes = tuple[int, ...]  # the shape of a tensor


@dataclass(frozen=True)
class Form:
    """One way to read a tensor as a weight.

    sizes: shape of the weight in torch's form, (out, in / groups, *kernel).
    layout: "transposed" where a linear weight is stored as (in, out).
    """

    sizes: Sizes
    groups: int = 1
    layout: Literal["straight", "transposed"] = "straight"

    @property
    def kernel(self) -> Sizes:
        """The shape of the kernel; empty for a linear layer."""
        return self.sizes[2:]

    @property
    def inputs(self) -> int:
        """The number of channels or features that the layer reads."""
        return self.sizes[1] * self.groups

    def weight(self, tensor: Tensor) -> Tensor:
        """A tensor of the module as (out, in / groups, *kernel)."""
        if self.layout == "transposed":
            return tensor.t()
        return tensor.reshape(self.sizes)


def forms_of(weight: Sizes, x: Sizes, y: Sizes) -> Iterator[Form]:
    """Every way to read a tensor of shape `weight` in a module that computes `y` from `x`."""
    if len(x) >= 2 and x[:-1] == y[:-1]:
        yield from _linear(weight, x[-1], y[-1])
    if 3 <= len(x) <= 5 and len(y) == len(x):
        inputs, outputs = list(x)[1], list(y)[1]
        yield from _convolutions(weight, inputs, outputs, len(x) - 2)


def _linear(weight: Sizes, inputs: int, outputs: int) -> Iterator[Form]:
    if math.prod(weight) != inputs * outputs:
        return
    if weight == (outputs, inputs) or len(weight) == 1 or (len(weight) == 2 and 1 in weight):
        yield Form((outputs, inputs))
    if weight == (inputs, outputs):
        yield Form((outputs, inputs), layout="transposed")


def _convolutions(weight: Sizes, inputs: int, outputs: int, rank: int) -> Iterator[Form]:
    if len(weight) == rank + 2:
        if weight[0] == outputs and weight[1] and inputs % weight[1] == 0:
            groups = inputs // weight[1]
            if outputs % groups == 0:
                yield Form(weight, groups)
        return
    # The code of Bi-Real Net has flat weights, (n, 1). One number per channel is a scale or bias.
    if len(weight) > 2 or math.prod(weight) <= max(inputs, outputs):
        return
    for groups in _divisors(math.gcd(inputs, outputs)):
        taps, rest = divmod(math.prod(weight) * groups, inputs * outputs)
        if not rest and taps:
            for kernel in _kernels(taps, rank):
                yield Form((outputs, inputs // groups, *kernel), groups)


def _divisors(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]


def _kernels(taps: int, rank: int) -> list[Sizes]:
    """The shapes of a kernel with this number of taps; those with sides most alike come first."""
    if rank == 1:
        return [(taps,)]
    found = [
        (first, *rest) for first in _divisors(taps) for rest in _kernels(taps // first, rank - 1)
    ]
    return sorted(found, key=lambda sizes: max(sizes) - min(sizes))
