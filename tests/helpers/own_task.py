"""Small modules and data of a user's own."""

import numpy as np
import torch
from torch import nn

from signbit.layers import BinaryLinear
from signbit.train import Recipe, load_recipe

SAMPLES, FEATURES, CLASSES = 96, 6, 3


def network(outputs: int = CLASSES, seed: int = 0) -> nn.Sequential:
    """A binary network with dropout, so that random numbers of the forward pass count too."""
    torch.manual_seed(seed)
    return nn.Sequential(
        BinaryLinear(FEATURES, 16, bias=False, input_quantizer=None),
        nn.BatchNorm1d(16),
        nn.Dropout(0.1),
        BinaryLinear(16, outputs, bias=False),
        nn.BatchNorm1d(outputs),
    )


def arrays(samples: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, and a class that follows from two of them."""
    inputs = np.random.default_rng(0).normal(size=(samples, FEATURES)).astype(np.float32)
    return inputs, (inputs[:, 0] > 0).astype(np.int64) + (inputs[:, 1] > 0)


def recipe(**changes) -> Recipe:
    """Three epochs of a recipe without anything for pictures."""
    return load_recipe("plain", {"epochs": 3, "batch_size": 32} | changes)
