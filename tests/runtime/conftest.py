"""A small network that the tests of the engine's surroundings share."""

import numpy as np
import pytest
from helpers.nodes import images_for
from numpy.typing import NDArray

from signbit.format import PackedModel, Preprocessing
from signbit.models import create
from signbit.pack import pack


@pytest.fixture(scope="package")
def small_model() -> PackedModel:
    network = create("digits_binary", width=24, in_channels=3, input_size=(12, 10)).eval()
    return pack(network, Preprocessing([1 / 128] * 3, [-1.0] * 3, (12, 10)))


@pytest.fixture(scope="package")
def small_images(small_model) -> NDArray[np.uint8]:
    return images_for(np.random.default_rng(0), small_model, 7)
