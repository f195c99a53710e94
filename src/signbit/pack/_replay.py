"""Run a network again, and compare chosen values while it runs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from signbit.errors import PackError
from signbit.pack._place import Place
from signbit.pack._signature import signature, tensors_in
from signbit.pack._watcher import Watcher

Mask = NDArray[np.bool_]


class Expected(NamedTuple):
    """The expected result of one run of an operator: one of two numbers everywhere.

    place, operator: the place and the operator of the run.
    values: the values of the packed network, in torch's shape.
    middle, distance: the middle of the two numbers, and their distance from it; they broadcast.
    """

    place: Place
    operator: str
    values: NDArray[np.float32]
    middle: NDArray[np.float32]
    distance: NDArray[np.float32]


class Replay(Watcher):
    """Compares values with the expected ones, by the position of the run among all runs.

    replace: go on with the expected values, so that every layer is compared by itself.
    noise: relative noise that is added to the replaced values, to see the effect of rounding.
    differ: number of values on the other side of the middle.
    between: number of values that are neither of the two, by position.
    off, high: the values that differ, and those that are above the middle, by position.
    """

    def __init__(
        self,
        expected: Mapping[int, Expected],
        replace: bool = False,
        noise: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        self.expected, self.replace, self.noise, self.seed = expected, replace, noise, seed
        self.differ, self.between = 0, dict[int, int]()
        self.off, self.high = dict[int, Mask](), dict[int, Mask]()
        self._position = -1

    @property
    def alike(self) -> bool:
        """Whether all values expected came, and were those."""
        return len(self.off) == len(self.expected) and not self.differ and not self.between

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        whole = self.run_as_parts(func, args, kwargs or {})
        if whole is not NotImplemented:
            return whole
        out = func(*args, **(kwargs or {}))
        self._position += 1
        expected = self.expected.get(self._position)
        if expected is not None:
            plain = signature(func).name
            if plain != expected.operator:
                raise PackError(
                    f"{expected.place}: {plain} ran in a batch of images, but {expected.operator} "
                    "in a batch of two; let the same operators run for batches of any size"
                )
            self._look(expected, tensors_in(out)[0])
        return out

    def _look(self, expected: Expected, given: Tensor) -> None:
        values = given.float().numpy()
        # NaN also counts as different.
        off = ~(np.abs(values - expected.values) <= expected.distance)
        self.differ += int(off.sum())
        self.off[self._position], self.high[self._position] = off, values > expected.middle
        side = np.abs(np.abs(values - expected.middle) - expected.distance)
        between = int((side > expected.distance / 2).sum())
        if between:
            self.between[self._position] = between
        if self.replace:
            generator = torch.Generator().manual_seed(self._position * 64 + self.seed)
            put = torch.from_numpy(expected.values)
            put = put * (1 + self.noise * torch.randn(put.shape, generator=generator))
            given.copy_(put)
