import numpy as np
import pytest
from helpers.networks import packed

from signbit.bench import Benchmark, bench
from signbit.data import Selection, load
from signbit.format import PackedModel
from signbit.report import Observed, Subject, bit_shares, choose_layer, observe
from signbit.runtime.engine import Engine
from signbit.scoring import open_samples, targets_of


@pytest.fixture(scope="session")
def digits() -> PackedModel:
    return packed("digits")


@pytest.fixture(scope="session")
def times(digits) -> Benchmark:
    return bench(digits, 1, (1,), 1, with_peers=False)


@pytest.fixture(scope="session")
def observed(digits) -> Observed:
    """What the untrained network says of all test images of the digits."""
    return observed_of(digits, "digits")


def observed_of(model: PackedModel, data: str, **options) -> Observed:
    targets = targets_of(model)
    samples = open_samples(model, data, "test", targets, Selection())
    return observe(Engine(model), samples, targets, **options)


@pytest.fixture
def subject(digits, times, observed) -> Subject:
    few = {"pixels": observed.kept["pixels"][:8]}
    layer, bits = choose_layer(digits, None), bit_shares(digits, few)
    return Subject("net", digits, 1234, times, layer, observed=observed, bits=bits)


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    return load("digits", "test").images[:40]
