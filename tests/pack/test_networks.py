"""Random networks, built in torch, packed, and run by reference and engine."""

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from signbit.format import Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.models import to_input
from signbit.pack import pack
from signbit.runtime import reference
from signbit.runtime.engine import Engine

EXACT = Preprocessing([1 / 128] * 3, [-1.0] * 3, (9, 8))
REAL = Preprocessing.from_mean_std([0.4, 0.5, 0.6], [0.2, 0.3, 0.25], (9, 8))


def normalization(channels: int, kind: str, dimensions: int) -> nn.Module:
    """Batch norm with random statistics, negative and zero gamma."""
    if kind == "none":
        return nn.Identity()
    make = nn.BatchNorm2d if dimensions == 2 else nn.BatchNorm1d
    norm = make(channels, affine=kind == "affine")
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.normal_(0, 6)
    norm.running_var.uniform_(0.01, 80)
    if kind == "affine":
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        with torch.no_grad():
            norm.weight[torch.rand(channels) < 0.2] = 0.0
    return norm


def activation(kind: str, channels: int) -> nn.Module:
    if kind == "prelu":
        prelu = nn.PReLU(channels)
        nn.init.uniform_(prelu.weight, -0.2, 0.5)
        return prelu
    return {"hardtanh": nn.Hardtanh(), "relu": nn.ReLU(), "none": nn.Identity()}[kind]


class Block(nn.Module):
    """A convolution with what may come before and behind it, and perhaps a shortcut."""

    def __init__(self, channels: int, plan: dict, first: bool):
        super().__init__()
        out = plan["channels"] * plan["groups"]
        groups = plan["groups"] if channels % plan["groups"] == 0 else 1
        self.conv = BinaryConv2d(
            channels,
            out,
            plan["kernel"],
            stride=plan["stride"],
            padding=plan["padding"],
            dilation=plan["dilation"],
            groups=groups,
            bias=plan["bias"],
            padding_value=0.0 if first else plan["padding_value"],
            input_quantizer=None if first else "ste_sign",
        )
        pool = nn.MaxPool2d(2, 1, 1) if plan["pool"] else nn.Identity()
        norm = normalization(out, plan["norm"], 2)
        self.tail = nn.Sequential(*([pool, norm] if plan["pool_first"] else [norm, pool]))
        self.activation = activation(plan["activation"], out)
        self.shortcut = plan["shortcut"]

    def fit(self, x):
        """Keep the shortcut only where the shapes allow it; the value for the next block."""
        y = self.activation(self.tail(self.conv(x)))
        same = y.shape[2:] == x.shape[2:]
        if not same or (self.shortcut == "add" and y.shape[1] != x.shape[1]):
            self.shortcut = "none"
        return self(x)

    def forward(self, x):
        y = self.activation(self.tail(self.conv(x)))
        if self.shortcut == "add":
            return y + x
        return torch.cat([y, x], 1) if self.shortcut == "concat" else y


class Network(nn.Module):
    def __init__(self, plans: list[dict], pooled: bool, norm: str):
        super().__init__()
        x = torch.zeros(2, 3, 9, 8)
        self.blocks = nn.ModuleList()
        for plan in plans:
            block = Block(x.shape[1], plan, first=not self.blocks).eval()
            x = block.fit(x)
            self.blocks.append(block)
        self.pool = nn.AdaptiveAvgPool2d(1) if pooled else nn.Identity()
        features = self.pool(x).flatten(1).shape[1]
        self.classifier = nn.Sequential(
            BinaryLinear(features, 5), normalization(5, norm, 1), nn.LogSoftmax(1)
        )

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.classifier(self.pool(x).flatten(1))


PLANS = st.fixed_dictionaries(
    {
        "channels": st.sampled_from([1, 3, 16, 33, 64]),
        "groups": st.sampled_from([1, 1, 1, 2, 3]),
        "kernel": st.sampled_from([1, 2, 3, (3, 1)]),
        "stride": st.sampled_from([1, 1, 2]),
        "padding": st.sampled_from([0, 1, 2]),
        "dilation": st.sampled_from([1, 1, 2]),
        "bias": st.booleans(),
        "padding_value": st.sampled_from([0.0, -1.0, 1.0]),
        "pool": st.booleans(),
        "pool_first": st.booleans(),
        "norm": st.sampled_from(["affine", "affine", "plain", "none"]),
        "activation": st.sampled_from(["hardtanh", "relu", "prelu", "none"]),
        "shortcut": st.sampled_from(["none", "none", "add", "concat"]),
    }
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    plans=st.lists(PLANS, min_size=1, max_size=4),
    seed=st.integers(0, 2**20),
    pooled=st.booleans(),
    norm=st.sampled_from(["affine", "plain"]),
    preprocessing=st.sampled_from([EXACT, EXACT, REAL]),
)
def test_packed_networks_say_what_torch_says(plans, seed, pooled, norm, preprocessing):
    torch.manual_seed(seed)
    # A window must fit the map that the layers before leave.
    for plan in plans:
        plan["padding"] = max(plan["padding"], 2 if plan["dilation"] == 2 else 1)
    network = Network(plans, pooled, norm).eval()
    images = np.random.default_rng(seed).integers(0, 256, (6, 9, 8, 3)).astype(np.uint8)
    # The self-check compares every bit with torch, and refuses where one differs.
    packed = pack(network, preprocessing, samples=images)
    with torch.no_grad():
        wanted = network(to_input(torch.from_numpy(images), preprocessing)).numpy()
    found, engine = reference.scores(packed, images), Engine(packed, 2).scores(images)
    if packed.info["exact"]:
        assert packed.info["check"]["bits_differ"] == 0
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(engine, wanted, rtol=1e-4, atol=1e-4)
    else:
        # A real number near zero may round to the other side, and change what follows.
        assert (found.argmax(1) != wanted.argmax(1)).sum() <= 1
        assert (engine.argmax(1) != wanted.argmax(1)).sum() <= 1
