"""A sensor's trace: is the device at rest, carried by somebody who walks or runs, or falling?

The script makes the traces: three axes of an accelerometer at 50 readings a second, for 2.56
seconds. They become codes of 8 bits. On these, a first layer with binary weights computes in
integers.
"""

import numpy as np
import torch
from shared import check, options, save_and_export, train
from torch import nn

from signbit.encode import fixed_point, fixed_point_grid, from_fixed_point
from signbit.format import Input
from signbit.layers import BinaryConv1d, BinaryLinear
from signbit.pack import OutputSpec, pack

LENGTH, RATE = 128, 50
STATES = ["rest", "walking", "running", "fall"]
STEPS_A_SECOND = {"walking": (1.5, 2.2), "running": (2.5, 3.5)}


def trace(state: str, generator: np.random.Generator) -> np.ndarray:
    """Acceleration in g, (length, axes), of a device that lies in any direction."""
    time = np.arange(LENGTH) / RATE
    gravity = generator.normal(size=3)
    gravity /= np.linalg.norm(gravity)
    along = np.ones(LENGTH)
    if state in STEPS_A_SECOND:
        phase = 2 * np.pi * (generator.uniform(*STEPS_A_SECOND[state]) * time + generator.random())
        size = generator.uniform(0.2, 0.5) if state == "walking" else generator.uniform(0.4, 1.2)
        along += size * (np.sin(phase) + generator.uniform(0.2, 0.6) * np.sin(2 * phase))
    if state == "fall":
        start = generator.uniform(0.4, 1.6)
        along[(time >= start) & (time < start + 0.4)] = 0  # nothing is felt in free fall
        along += generator.uniform(1.5, 3) * np.exp(-(((time - start - 0.45) / 0.04) ** 2))
    return along[:, None] * gravity + generator.normal(0, 0.15, (LENGTH, 3))


def traces(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` traces, (N, length, axes), and the numbers of their states."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(STATES), count)
    return np.stack([trace(STATES[label], generator) for label in labels]), labels


def network() -> nn.Module:
    """Three convolutions over time, and a layer that reads all their positions."""
    return nn.Sequential(
        BinaryConv1d(3, 32, 7, stride=2, padding=3, bias=False, input_quantizer=None),
        nn.BatchNorm1d(32),
        BinaryConv1d(32, 32, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm1d(32),
        BinaryConv1d(32, 32, 5, stride=2, padding=2, bias=False),
        nn.MaxPool1d(2),
        nn.BatchNorm1d(32),
        nn.Flatten(),
        BinaryLinear(32 * LENGTH // 16, len(STATES), bias=False),
        nn.BatchNorm1d(len(STATES)),
    )


def main(arguments: list[str] | None = None) -> float:
    """Train, pack, check, export; returns the accuracy on held-out traces."""
    chosen = options("sensor", 12, arguments, samples=3000)
    (training, labels), (test, answers) = traces(chosen.samples, seed=0), traces(1000, seed=1)

    sensor = Input.fixed_point("acceleration", (LENGTH, 3), *fixed_point_grid(training))
    print(f"a step is {sensor.scale[0]} g, code 0 is {sensor.bias[0]} g")

    def tensor(codes: np.ndarray) -> torch.Tensor:
        """The numbers that the codes stand for, channels first as in torch."""
        return torch.from_numpy(from_fixed_point(codes, sensor)).transpose(1, 2).contiguous()

    codes, test_codes = fixed_point(training, sensor), fixed_point(test, sensor)
    model, targets = network(), torch.from_numpy(labels)
    train(model, tensor(codes), targets, "cross_entropy", chosen)

    outputs = [OutputSpec("state", "classes", names=STATES)]
    packed = pack(model, inputs=[sensor], outputs=outputs)
    scores = check(packed, model, test_codes, tensor(test_codes))
    right = scores.argmax(axis=1) == answers
    print(f"{len(test)} held-out traces: {right.mean():.1%} right")
    for number, state in enumerate(STATES):
        print(f"  {state}: {right[answers == number].mean():.1%}")
    save_and_export(packed, chosen.out, "sensor", test_codes[:20])
    return float(right.mean())


if __name__ == "__main__":
    main()
