"""Networks as other people write them: each packs right, or is refused in one clear line."""

import warnings

import numpy as np
import pytest

from tests.pack.corpus import cases
from tests.pack.corpus._judge import judge, truth

CASES = cases()
# A refused network has no scores to compare, and need not have one row of them.
PACKED = [name for name, case in CASES.items() if case.refused is None]
LEAST_STEADY = 16


@pytest.fixture(autouse=True)
def _torch_warns_of_what_others_write():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", PACKED)
def test_torch_gives_evidence(name: str):
    """Scores are finite and differ between images, and most images do not hang on rounding."""
    case = CASES[name]
    found = truth(case, case.model())
    assert np.isfinite(found.scores).all()
    assert len(np.unique(found.scores.round(6), axis=0)) >= 10
    assert (found.scores.std(0) > 1e-3 * found.largest).mean() > 0.5
    assert found.steady.sum() >= LEAST_STEADY


@pytest.mark.parametrize("name", CASES)
def test_packs_right_or_is_refused(name: str):
    verdict = judge(CASES[name])
    assert verdict.expected, f"{verdict.kind}: {verdict.detail}"
