import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.files import ends
from torch import nn

from signbit.bench.peers import make_peers, peer_arrays, peers
from signbit.format import Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.models import create
from signbit.pack import pack
from signbit.runtime.samples import random_inputs

PREPROCESSING = Preprocessing([1 / 128] * 3, [-1.0] * 3, (12, 12))


class Branches(nn.Module):
    """Real and binary layers, a shortcut, pooling of either kind."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.second = BinaryConv2d(16, 16, 3, padding=1)
        self.last = nn.Linear(16 * 2 * 2, 7)

    def forward(self, x):
        x = F.hardtanh(self.norm(self.first(x)))
        y = F.max_pool2d(F.relu(x + self.norm(self.second(x))), 2, 2)
        return F.log_softmax(self.last(F.avg_pool2d(y, 3).flatten(1)), 1)


@pytest.fixture(scope="module")
def digits():
    return pack(create("digits_binary", width=8).eval(), Preprocessing([1 / 128], [-1.0], (8, 8)))


def test_each_gives_scores_of_every_image(digits):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    made, missing = make_peers(digits, 2)
    assert set(made) == set(peers.names())
    assert missing == {}
    for peer in made.values():
        assert np.asarray(peer({"pixels": images})).shape == (3, 10)


def test_networks_with_branches_have_peers():
    packed = pack(Branches().eval(), PREPROCESSING)
    made, missing = make_peers(packed, 1)
    assert missing == {}
    for peer in made.values():
        assert np.asarray(peer({"pixels": np.zeros((2, 12, 12, 3), np.uint8)})).shape == (2, 7)


def test_networks_of_any_inputs_have_peers():
    model = ends()
    made, missing = make_peers(model, 1)
    assert missing == {}
    samples = peer_arrays(model, random_inputs(model, 2))
    for peer in made.values():
        peer(samples)


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(3, 2, padding=1, dilation=2),
        nn.AvgPool2d(3, 2, padding=1),
    ],
    ids=str,
)
def test_pooling_gives_the_sizes_of_the_network(pool):
    body = nn.Sequential(BinaryConv2d(3, 4, 3, padding=1, input_quantizer=None), pool)
    features = body(torch.zeros(1, 3, 9, 9)).numel()
    network = nn.Sequential(*body, nn.Flatten(), BinaryLinear(features, 5)).eval()
    packed = pack(network, Preprocessing([1 / 128] * 3, [-1.0] * 3, (9, 9)))
    made, _ = make_peers(packed, 1)
    for peer in made.values():
        assert np.asarray(peer({"pixels": np.zeros((2, 9, 9, 3), np.uint8)})).shape == (2, 5)


def test_float32_scores_are_alike(digits):
    pytest.importorskip("openvino", reason="needs openvino: pip install 'signbit[peers]'")
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    made, _ = make_peers(digits, 1)
    expected = np.asarray(made["torch float32"]({"pixels": images}))
    for name in ("onnxruntime float32", "openvino float32"):
        np.testing.assert_allclose(made[name]({"pixels": images}), expected, rtol=1e-4, atol=1e-4)


def test_openvino_accepts_batches_of_changing_sizes(digits):
    pytest.importorskip("openvino", reason="needs openvino: pip install 'signbit[peers]'")
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    run = peers.get("openvino float32")(digits, 1)
    all_scores = np.array(run({"pixels": images}))
    for count in (1, 3, 4):
        scores = np.array(run({"pixels": images[:count]}))
        np.testing.assert_allclose(scores, all_scores[:count], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "openvino", "torch"])
def test_what_is_not_installed_is_said(digits, package, monkeypatch):
    for name in [n for n in sys.modules if n.startswith("signbit.bench.peers._")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    made, missing = make_peers(digits, 1)
    assert any(package.removesuffix("runtime") in name for name in missing)
    assert all(
        f"{package} is not installed" == why or f"need {package};" in why
        for why in missing.values()
    )
    assert set(made) | set(missing) == set(peers.names())
