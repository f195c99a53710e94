"""Inputs and weights for which different rules give different outputs."""

from collections.abc import Sequence

import torch
from torch import Tensor

_ZEROS = 0.2


class Draw:
    """Random numbers in float64, from a generator of its own."""

    def __init__(self, seed: int = 0):
        self._generator = torch.Generator().manual_seed(seed)

    def uniform(self, sizes: Sequence[int], low: float, high: float) -> Tensor:
        """Uniform between two bounds."""
        drawn = torch.rand(tuple(sizes), generator=self._generator, dtype=torch.float64)
        return drawn * (high - low) + low

    def normal(self, sizes: Sequence[int]) -> Tensor:
        """Mean 0, deviation 1."""
        return torch.randn(tuple(sizes), generator=self._generator, dtype=torch.float64)

    def signs(self, sizes: Sequence[int]) -> Tensor:
        """-1 and +1."""
        return self.uniform(sizes, -1, 1).sign()

    def wild(self, sizes: Sequence[int]) -> Tensor:
        """Inputs of all magnitudes from 1e-8 to 10; a fifth of them are zeros of either sign."""
        x = self.signs(sizes) * 10 ** self.uniform(sizes, -8, 1)
        return x.where(self.uniform(sizes, 0, 1) > _ZEROS, 0.0 * x)

    def calm(self, sizes: Sequence[int]) -> Tensor:
        """Inputs next to -1 and +1."""
        return self.signs(sizes) * self.uniform(sizes, 0.5, 1.5)

    def varied(self, tensor: Tensor) -> Tensor:
        """Other values for a scale or bias, with the same signs; none is zero."""
        other = tensor.double().cpu() * self.uniform(tensor.shape, 0.5, 1.5)
        return other.where(other != 0, self.normal(tensor.shape))

    def weights(self, sizes: Sequence[int]) -> list[Tensor]:
        """Weights (out, in, *kernel) that differ in magnitude, mean, tails and exact zeros."""
        each = (sizes[0], *[1] * (len(sizes) - 1))
        spread = self.normal(sizes) + 0.5 * self.normal(each)
        spread = spread * 10 ** self.uniform(each, -2, 0.7)
        # With heavy tails the mean magnitude and the deviation lie some powers of two apart.
        tails = self.signs(sizes) * self.normal(sizes).abs() ** self.uniform(each, 1, 6)
        zeros = self.wild(sizes)
        found = [spread, tails, zeros]
        # A single weight minus its own mean is zero, and has no deviation.
        if torch.Size(sizes[1:]).numel() > 1:
            found.append(self._balanced(sizes))
        if sizes[1] > 1:
            found.append(self._balanced_inputs(sizes))
        return found

    def _balanced(self, sizes: Sequence[int]) -> Tensor:
        """The mean of each output channel is exactly 0, and so are some weights."""
        flat = self._pairs(sizes[0], torch.Size(sizes[1:]).numel())
        return flat.reshape(tuple(sizes))

    def _balanced_inputs(self, sizes: Sequence[int]) -> Tensor:
        """The mean over the input channels at each place of a kernel is exactly 0."""
        taps = torch.Size(sizes[2:]).numel()
        flat = self._pairs(sizes[0] * taps, sizes[1]).reshape(sizes[0], taps, sizes[1])
        return flat.transpose(1, 2).reshape(tuple(sizes))

    def _pairs(self, rows: int, count: int) -> Tensor:
        """Rows of pairs (v, -v) and zeros in random order; v are eighths, so sums are exact."""
        half = (self.uniform((rows, count // 2), 0, 4) // 1) / 8
        half[:, 0] += 1 / 8
        rest = torch.zeros(rows, count % 2, dtype=torch.float64)
        return torch.cat([half, -half, rest], 1)[:, self.uniform((count,), 0, 1).argsort()]
