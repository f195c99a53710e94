"""Random networks: each packs right, or is refused in one clear line; nothing else is raised."""

import os
import time
import warnings

import pytest
import torch

from tests.pack.corpus._judge import judge
from tests.pack.corpus._truth import truth
from tests.pack.corpus.generator import has_evidence, random_case

# CI has time for hundreds.
SECONDS = 40 if os.environ.get("CI") else 5
LEAST = 5
# A packer that refuses everything is never wrong.
LEAST_PACKED = 0.3


@pytest.fixture(autouse=True)
def one_thread():
    """A second thread does not help networks this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_random_networks_pack_right_or_are_refused():
    """Seeds from 0 on, as many as the time allows; the generator's script judges any others."""
    end, seed, failures, packed = time.monotonic() + SECONDS, 0, [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while seed < LEAST or time.monotonic() < end:
            verdict = judge(random_case(seed))
            if not verdict.expected:
                failures.append(f"seed {seed}: {verdict.kind}: {verdict.detail}")
            seed, packed = seed + 1, packed + (verdict.kind == "packed")
    assert not failures, "\n".join(
        [f"{len(failures)} of {seed}; python -m tests.pack.corpus.generator SEED", *failures[:20]]
    )
    assert packed >= LEAST_PACKED * seed


def test_most_random_networks_give_evidence():
    cases = [random_case(seed) for seed in range(20)]
    assert sum(has_evidence(truth(case, case.model())) for case in cases) >= 12


def test_a_seed_gives_the_same_network():
    first, second = random_case(7).model(), random_case(7).model()
    assert repr(first) == repr(second)
    other = second.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in first.state_dict().items())
