import numpy as np
import pytest
from helpers.nodes import first_bits, random_weight, viewed, window

from signbit.export import ExportRequest, make_request
from signbit.format import Node, Preprocessing
from signbit.format.parameters import Parameters


@pytest.fixture
def parameters() -> Parameters:
    """Arrays of every rank and of extreme values."""
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((4, 3, 2, 2)).astype(np.float32)
    extremes = np.array([0.1, -0.0, 1e-45, 3.4028235e38, 1 / 3, np.pi], np.float32)
    return Parameters(
        arrays={
            "conv.weight": weight,
            "conv.bias": extremes,
            "norm.num_batches_tracked": np.array(7, np.int64),
            "fc.weight": generator.standard_normal((2, 5)),
            "none": np.empty((0, 3), np.float32),
        },
        binary={"conv.weight": np.where(weight > 0, 1, -1).astype(np.int8)},
        preprocessing=Preprocessing([1 / 255], [0.0], (8, 8), ("a", "b")),
        model={"name": "small", "options": {"width": 4}},
    )


@pytest.fixture
def small() -> ExportRequest:
    """A packed network of a few nodes, its channels in two words."""
    rng = np.random.default_rng(0)
    conv = window() | {"channels": 5, "groups": 1, "padding_value": -1}
    nodes = [
        *first_bits(rng, 70),
        Node("conv_bits", (2,), conv, random_weight(rng, 5, (3, 3), 70)),
    ]
    return make_request(viewed(nodes, (3, 2)), "small")
