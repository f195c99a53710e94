"""A table of numbers as bits: is a tumour malignant or benign?

Each of 30 measurements becomes 8 bits. The thresholds for them are learned from the training rows.
So the network runs on XNOR and popcount from its first layer on.
"""

from typing import Any

import numpy as np
import torch
from shared import check, options, save_and_export, train
from sklearn.datasets import load_breast_cancer
from torch import nn

from signbit.encode import Thermometer, load_encoders, save_encoders
from signbit.format import Input
from signbit.layers import BinaryLinear
from signbit.pack import OutputSpec, pack

LEVELS = 8


def network(bits: int) -> nn.Module:
    """Two binary layers. The input is already bits, so the first one needs no quantizer for it."""
    return nn.Sequential(
        BinaryLinear(bits, 64, bias=False, input_quantizer=None),
        nn.BatchNorm1d(64),
        BinaryLinear(64, 2, bias=False),
        nn.BatchNorm1d(2),
    )


def signs(bits: np.ndarray) -> torch.Tensor:
    """Bits in the form of torch: -1 and +1."""
    return torch.from_numpy(bits).float() * 2 - 1


def main(arguments: list[str] | None = None) -> float:
    """Train, pack, check, export; returns the accuracy on held-out rows."""
    chosen = options("tabular", 40, arguments)
    table: Any = load_breast_cancer()
    order = np.random.default_rng(0).permutation(len(table.data))
    test, training = order[:169], order[169:]

    encoder = Thermometer.fit(table.data[training], LEVELS)
    bits = encoder(table.data)
    model = network(encoder.channels)
    targets = torch.from_numpy(table.target)
    train(model, signs(bits[training]), targets[training], "cross_entropy", chosen)

    packed = pack(
        model,
        inputs=[Input.bits("features", (encoder.channels,))],
        outputs=[OutputSpec("diagnosis", "classes", names=table.target_names.tolist())],
    )
    scores = check(packed, model, bits[test], signs(bits[test]))
    accuracy = float((scores.argmax(axis=1) == table.target[test]).mean())
    print(f"{len(test)} held-out rows: {accuracy:.1%} right")

    # The device encodes with the same thresholds, from this file.
    save_encoders(chosen.out / "encoders.json", {"features": encoder})
    again = load_encoders(chosen.out / "encoders.json")["features"](table.data[test])
    assert (again == bits[test]).all()
    save_and_export(packed, chosen.out, "tabular", bits[test][:20])
    return accuracy


if __name__ == "__main__":
    main()
