"""Whether scores are probabilities already: a softmax at the end, or a mean of several."""

import numpy as np
import pytest
import torch
from torch import nn

from signbit.data import Batch
from signbit.format import Input
from signbit.layers import BinaryLinear
from signbit.pack import pack
from signbit.runtime.engine import Engine
from signbit.scoring import Answerer, ClassAnswer, targets_of
from signbit.scoring._probabilities import gives_probabilities

SAMPLES = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)


class Ensemble(nn.Module):
    """Three networks, whose probabilities and scores a function joins."""

    def __init__(self, join):
        super().__init__()
        torch.manual_seed(0)
        self.join = join
        self.members = nn.ModuleList(
            nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), BinaryLinear(8, 3)) for _ in range(3)
        )

    def forward(self, x):
        scores = [member(x) for member in self.members]
        return self.join([one.softmax(1) for one in scores], scores)


MEANS = {
    "one": lambda p, _: p[0],
    "one that is turned": lambda p, _: p[0].flip(1),
    "mean": lambda p, _: (p[0] + p[1] + p[2]) / 3,
    "half": lambda p, _: 0.5 * (p[0] + p[1]),
    "weights": lambda p, _: 0.7 * p[0] + 0.3 * p[1],
    "lerp": lambda p, _: torch.lerp(p[0], p[1], 0.25),
    "stack": lambda p, _: torch.stack(p).mean(0),
    "stack on the second axis": lambda p, _: torch.stack(p, 1).mean(1),
    "with a share for all": lambda p, _: 0.9 * p[0] + 0.1 / 3,
}
OTHERS = {
    "scores": lambda p, s: s[0],
    "sum": lambda p, _: p[0] + p[1] + p[2],
    "weights that lack a tenth": lambda p, _: 0.6 * p[0] + 0.3 * p[1],
    "difference": lambda p, _: p[0] + p[1] - p[2],
    "logarithm": lambda p, _: torch.log((p[0] + p[1]) / 2),
    "with scores": lambda p, s: p[0] + s[1],
    "of a class": lambda p, s: p[0] * s[1],
    "product": lambda p, _: p[0] * p[1],
}


def packed(join):
    return pack(Ensemble(join).eval(), inputs=[Input.numbers("x", (6,))])


@pytest.mark.parametrize("name", MEANS)
def test_means_of_softmaxes_are_probabilities_as_they_are(name):
    model = packed(MEANS[name])
    assert gives_probabilities(model)
    answers = Answerer(Engine(model), targets_of(model), top=3)
    found = list(answers.batches([Batch(list("abcde"), {"x": SAMPLES}, {})]))
    with torch.no_grad():
        wanted = Ensemble(MEANS[name]).eval()(torch.from_numpy(SAMPLES)).numpy()
    for answer, row in zip(found, wanted, strict=True):
        (given,) = answer.outputs.values()
        assert isinstance(given, ClassAnswer)
        assert sorted(share for _, share in given.top) == pytest.approx(sorted(row), rel=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_add_up_to_one_is_a_score(name):
    assert not gives_probabilities(packed(OTHERS[name]))
