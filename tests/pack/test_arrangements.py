"""What stands between binary layers keeps their bits, and torch's scores."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from signbit.errors import PackError
from signbit.layers import BinaryConv1d, BinaryConv2d
from signbit.pack import pack
from tests.pack.same_scores import LINE, RGB, assert_same_scores, ops

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


class Between(nn.Module):
    """conv, norm, f, conv, norm, mean, linear."""

    def __init__(self, f, channels=32, line=False, stride=1):
        super().__init__()
        conv, norm = (BinaryConv1d, nn.BatchNorm1d) if line else (BinaryConv2d, nn.BatchNorm2d)
        self.a, self.n = conv(3, 32, 3, padding=1, input_quantizer=None), norm(32)
        self.f, self.axes = f, (2,) if line else (2, 3)
        self.b, self.m = conv(channels, 64, 3, padding=1, stride=stride), norm(64)
        self.fc = nn.Linear(64, 5)

    def forward(self, x):
        return self.fc(self.m(self.b(self.f(self.n(self.a(x))))).mean(self.axes))


ARRANGEMENTS = {
    "F.pad": lambda x: F.pad(x, (2, 1, 0, 1)),
    "ZeroPad2d": nn.ZeroPad2d((0, 1, 0, 1)),
    "crop": lambda x: x[:, :, 1:-1, 1:-1],
    "channel_shuffle": lambda x: F.channel_shuffle(x, 4),
    "permuted and back": lambda x: x.permute(0, 2, 3, 1).permute(0, 3, 1, 2),
    "chunk and cat": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "Upsample": nn.Upsample(scale_factor=2),
    "ConvTranspose2d": nn.ConvTranspose2d(32, 32, 2, 2),
    "LeakyReLU": nn.LeakyReLU(0.1),
    "PReLU": nn.PReLU(init=0.1),
    "clamp": lambda x: x.clamp(-1, 1),
    "Hardtanh": nn.Hardtanh(),
    "Tanh": nn.Tanh(),
    # Operators with a second result.
    "logsigmoid": lambda x: F.logsigmoid(x) + 0.7,
    "fake_quantize": lambda x: torch.fake_quantize_per_tensor_affine(x, 0.25, 1, -8, 7) - 0.5,
    "x - 0.5": lambda x: x - 0.5,
    "x + -0.5": lambda x: x + -0.5,
    "x / 2": lambda x: x / 2,
    "-x": lambda x: -x,
    "SyncBatchNorm": nn.SyncBatchNorm(32),
}


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_arrangements_between_binary_layers_keep_their_bits(name):
    packed = assert_same_scores(Between(ARRANGEMENTS[name]))
    assert "conv_bits" in ops(packed)
    assert "conv_f32_bits" not in ops(packed)


def test_pixels_that_become_channels_keep_their_bits():
    packed = assert_same_scores(Between(lambda x: F.pixel_unshuffle(x, 2), channels=128))
    assert "conv_f32_bits" not in ops(packed)


@pytest.mark.parametrize(
    "f", [lambda x: F.pad(x, (2, 0)), nn.ConstantPad1d((2, 0), 0.0)], ids=["F.pad", "module"]
)
def test_causal_sequences_keep_their_bits(f):
    packed = assert_same_scores(Between(f, line=True), LINE)
    assert "conv_f32_bits" not in ops(packed)


class OptionA(Between):
    """A shortcut without weights, as in the ResNets of CIFAR."""

    def __init__(self, f):
        super().__init__(f, stride=2)

    def forward(self, x):
        x = self.n(self.a(x))
        y = self.m(self.b(x))
        return self.fc((y + (self.f(x) if x.shape != y.shape else x)).mean((2, 3)))


def zeros_next_to(x):
    pooled = F.avg_pool2d(x, 2)
    return torch.cat([pooled, torch.zeros_like(pooled)], 1)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 16, 16)),
        zeros_next_to,
        lambda x: torch.cat([F.avg_pool2d(x, 2), F.avg_pool2d(x, 2) * 0], 1),
        lambda x: torch.cat([F.avg_pool2d(x, 2)] * 2, 1),
    ],
    ids=["slice and pad", "zeros_like", "times 0", "twice"],
)
def test_shortcuts_without_weights(f):
    assert_same_scores(OptionA(f))


class Keeps(Between):
    def forward(self, x):
        self.kept = self.a(x).detach()
        return super().forward(x)


def test_a_value_that_is_kept_aside_is_no_output():
    assert_same_scores(Keeps(nn.Identity()))


class TwoOutputs(Between):
    def forward(self, x):
        return super().forward(x), self.a(x).mean((2, 3))


class MapOfScores(Between):
    def forward(self, x):
        return self.m(self.b(self.n(self.a(x))))


@pytest.mark.parametrize(
    ("network", "says"),
    [(TwoOutputs, "returns 2 values.*; name the values"), (MapOfScores, r"\(64, 12, 12\).*; ")],
)
def test_other_outputs_than_one_row_of_scores_are_refused(network, says):
    with pytest.raises(PackError, match=says):
        pack(network(nn.Identity()).eval(), RGB)
