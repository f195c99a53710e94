"""A number: how far will diabetes have progressed after a year?

Ten measurements of 442 patients become bits. The network returns a number: the sums of its last
layer are scaled and shifted into the unit of the targets.
"""

from typing import Any

import numpy as np
import torch
from shared import check, options, save_and_export, train
from sklearn.datasets import load_diabetes
from torch import nn

from signbit.encode import Thermometer, save_encoders
from signbit.format import Input
from signbit.layers import BinaryLinear
from signbit.pack import OutputSpec, pack

LEVELS = 12


class InUnits(nn.Module):
    """Converts numbers of mean 0 and spread 1 to the unit of the targets."""

    def __init__(self, targets: torch.Tensor):
        super().__init__()
        self.mean = nn.Buffer(targets.mean(0))
        self.spread = nn.Buffer(targets.std(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.spread + self.mean


def network(bits: int, hidden: int = 64) -> nn.Module:
    """Two binary layers. A learned scale and a bias turn the last sum into a number."""
    return nn.Sequential(
        BinaryLinear(bits, hidden, bias=False, input_quantizer=None),
        nn.BatchNorm1d(hidden),
        BinaryLinear(hidden, 1, learned_scale=True),
    )


def signs(bits: np.ndarray) -> torch.Tensor:
    """Bits in the form of torch: -1 and +1."""
    return torch.from_numpy(bits).float() * 2 - 1


def explained(found: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the variance that predictions explain, R2."""
    return float(1 - ((found - wanted) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum())


def linear(inputs: np.ndarray, targets: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Predictions of a linear regression on the numbers themselves, to compare with."""
    ones = [np.column_stack([one, np.ones(len(one))]) for one in (inputs, test)]
    return ones[1] @ np.linalg.lstsq(ones[0], targets)[0]


def main(arguments: list[str] | None = None) -> float:
    """Train, pack, check, export; returns R2 on held-out patients."""
    chosen = options("regression", 15, arguments)
    table: Any = load_diabetes()
    values, targets = table.data, table.target.astype(np.float32)
    order = np.random.default_rng(0).permutation(len(values))
    test, training = order[:142], order[142:]

    encoder = Thermometer.fit(values[training], LEVELS)
    bits = encoder(values)
    layers, known = network(encoder.channels), torch.from_numpy(targets[training])[:, None]
    standardized = (known - known.mean(0)) / known.std(0)
    train(layers, signs(bits[training]), standardized, "mse", chosen, lr=0.005)
    model = nn.Sequential(layers, InUnits(known)).eval()

    packed = pack(
        model,
        inputs=[Input.bits("measurements", (encoder.channels,))],
        outputs=[OutputSpec("progression", "numbers", names=["progression"])],
    )
    found = check(packed, model, bits[test], signs(bits[test]))[:, 0]
    wanted, r2 = targets[test], explained(found, targets[test])
    plain = explained(linear(values[training], targets[training], values[test]), wanted)
    print(
        f"{len(test)} held-out patients: R2 {r2:.3f}, mean absolute error "
        f"{np.abs(found - wanted).mean():.1f}; a linear regression has R2 {plain:.3f}"
    )
    save_encoders(chosen.out / "encoders.json", {"measurements": encoder})
    save_and_export(packed, chosen.out, "regression", bits[test][:20])
    return r2


if __name__ == "__main__":
    main()
