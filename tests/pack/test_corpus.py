"""Networks as other people write them: each packs right, or is refused in one clear line."""

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from tests.pack.corpus import cases
from tests.pack.corpus._judge import compare, judge, unclear
from tests.pack.corpus._truth import REAL_ERROR, Rounding, Truth, truth

CASES = cases()
# A refused network has no scores to compare, and need not have one row of them.
PACKED = [name for name, case in CASES.items() if case.refused is None]
# Of 24 images.
LEAST_STEADY = 16


@pytest.fixture(autouse=True)
def quiet_and_small() -> Iterator[None]:
    """Torch warns of what other people write; a second thread does not help networks this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", PACKED)
def test_torch_gives_evidence(name: str):
    """Scores are finite and differ between images, and most images do not hang on rounding."""
    found = truth(CASES[name], CASES[name].model())
    assert np.isfinite(found.scores).all()
    assert len(np.unique(found.scores.round(6), axis=0)) >= 10
    assert (found.scores.std(0) > 1e-3 * found.largest).mean() > 0.5
    assert found.steady.sum() >= LEAST_STEADY


@pytest.mark.parametrize("name", CASES)
def test_packs_right_or_is_refused(name: str):
    verdict = judge(CASES[name])
    assert verdict.expected, f"{verdict.kind}: {verdict.detail}"


def test_one_wrong_image_is_seen():
    scores = np.random.default_rng(0).standard_normal((24, 5))
    wanted = Truth(np.zeros((24, 8, 8, 1), np.uint8), scores, np.arange(24) != 3)
    moved = scores.astype(np.float32)
    assert compare(wanted, moved, REAL_ERROR).kind == "packed"
    moved[3] += 1
    assert compare(wanted, moved, REAL_ERROR).kind == "packed"
    moved[7, 2] += 3 * REAL_ERROR * wanted.largest
    assert compare(wanted, moved, REAL_ERROR).kind == "wrong"
    moved[7, 2] = np.nan
    assert compare(wanted, moved, REAL_ERROR).kind == "wrong"
    assert compare(wanted, moved[:, :4], REAL_ERROR).kind == "wrong"


def test_rounding_moves_sums_of_fractions_only():
    x = torch.arange(12.0).reshape(3, 4) / 128
    with Rounding(0):
        exact, moved = x + x, x * 0.3 + 0.1
    assert torch.equal(exact, x + x)
    error = (moved - (x * 0.3 + 0.1)).abs()
    assert 0 < float(error.max()) < 1e-5


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("1.conv (silu): this falls somewhere; give a rising function", None),
        ("net.py:12: a value of the network decides a branch; decide before the call", None),
        ("the network is in training mode; call eval() first", None),
        ("silu: this falls somewhere; give a rising function", "names no place"),
        ("1.conv: this falls somewhere", "names no way out"),
        ("1.conv: this is a mistake of ours; please report it", "blames signbit"),
        ("1.conv: two\nlines; give one", "is no line"),
        (f"1.conv: {'x' * 400}; give less", "is no line"),
    ],
)
def test_a_clear_line_names_its_place_and_the_way_out(message: str, fault: str | None):
    inner = nn.Sequential()
    inner.add_module("conv", nn.Identity())
    assert unclear(message, nn.Sequential(nn.Identity(), inner)) == fault
