"""Networks of kinds that once packed wrong, crashed or lost their bits give torch's scores."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import AveragedModel

from signbit.errors import PackError
from signbit.export import export, make_request
from signbit.format import PackedModel, Preprocessing
from signbit.format.types import U8
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryLinear
from signbit.models import to_input
from signbit.pack import pack
from signbit.quantizers import AbstractQuantizer, create
from signbit.runtime.engine import Engine
from tests.pack.corpus._images import images_for

Images, Scores = NDArray[np.uint8], NDArray[np.float32]

RGB = Preprocessing([1 / 128] * 3, [-1.0] * 3, (12, 12))
LINE = Preprocessing([1 / 128] * 3, [-1.0] * 3, (1, 12))

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def real_first(channels: int = 32, bias: bool = True) -> BinaryConv2d:
    """A first layer: bits of weights, pixels as they are."""
    return BinaryConv2d(3, channels, 3, padding=1, input_quantizer=None, bias=bias)


def torch_scores(network: nn.Module, images: Images, preprocessing: Preprocessing) -> Scores:
    """What the network gives when it is called; images of one row are sequences."""
    inputs = to_input(torch.from_numpy(images), preprocessing).contiguous()
    with torch.no_grad():
        return network(inputs[:, :, 0] if preprocessing.size[0] == 1 else inputs).numpy()


def assert_same_scores(
    network: nn.Module, preprocessing: Preprocessing = RGB, tolerance: float = 1e-5
) -> PackedModel:
    """The engine gives torch's scores, which differ between images, to a share of the largest."""
    packed = pack(network.eval(), preprocessing)
    images = images_for(preprocessing)
    wanted = torch_scores(network, images, preprocessing)
    assert len(np.unique(wanted, axis=0)) > 10
    scores = Engine(packed).scores(images)
    assert scores.shape == wanted.shape
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())
    return packed


def ops(packed: PackedModel) -> list[str]:
    return [node.op for node in packed.nodes]


class Levels(AbstractQuantizer):
    """Two levels on the two sides of a threshold; one of them belongs to the threshold itself."""

    def __init__(self, threshold: float, low: float, high: float, equal: bool = False):
        super().__init__()
        self.threshold, self.low, self.high, self.equal = threshold, low, high, equal

    def forward(self, x):
        above = x >= self.threshold if self.equal else x > self.threshold
        return above.to(x.dtype) * (self.high - self.low) + self.low


QUANTIZERS = {
    "at 0.3": Levels(0.3, -1, 1),
    "falling": Levels(0, 1, -1),
    "0 and 1": Levels(0, 0, 1),
    "zero is plus": Levels(0, -1, 1, equal=True),
}


@pytest.mark.parametrize("name", QUANTIZERS)
def test_quantizers_of_ones_own_are_asked(name):
    # No number that is rectified lies below 0.
    before = nn.Hardtanh() if name == "zero is plus" else nn.ReLU()
    second = BinaryConv2d(32, 9, 12, input_quantizer=QUANTIZERS[name], bias=False)
    network = nn.Sequential(real_first(bias=False), before, second, nn.Flatten())
    packed = assert_same_scores(network, tolerance=0)
    assert packed.info["exact"]
    assert "conv_bits" in ops(packed)


class Shortcut(nn.Module):
    """A block whose activation changes what the shortcut reads."""

    def __init__(self, offset: float):
        super().__init__()
        self.stem, self.norm, self.relu = real_first(), nn.BatchNorm2d(32), nn.ReLU(inplace=True)
        self.conv, self.norm2 = BinaryConv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.head = nn.Linear(32, 5)
        # Each sum is the same for every channel, so the offset decides what is rectified.
        nn.init.ones_(self.stem.weight)
        nn.init.constant_(self.norm.bias, offset)

    def forward(self, x):
        x = self.norm(self.stem(x))
        y = self.norm2(self.conv(self.relu(x)))
        return self.head((y + x).mean((2, 3)))


@pytest.mark.parametrize("offset", [0.0, 15.0], ids=["often negative", "seldom negative"])
def test_what_is_changed_in_place_is_read_as_changed(offset):
    assert_same_scores(Shortcut(offset))


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = real_first(), nn.BatchNorm2d(32), nn.Linear(32, 5)

    def forward(self, x):
        assert isinstance(x, torch.Tensor)
        assert x.shape[1] == 3
        return self.fc(self.norm(self.conv(x)).mean((2, 3)))


class Labelled(Plain):
    def forward(self, x, labels=None, return_features=False):
        scores = super().forward(x)
        if labels is not None:
            return F.cross_entropy(scores, labels)
        return (scores, x) if return_features else scores


class Wrapper(nn.Module):
    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


@pytest.mark.parametrize(
    "wrap",
    [lambda net: net, Wrapper, AveragedModel, torch.compile, nn.DataParallel],
    ids=["as it is", "any arguments", "averaged", "compiled", "data parallel"],
)
def test_optional_arguments_assertions_and_wrappers_are_followed(wrap):
    network = Labelled().eval()
    packed = pack(wrap(network).eval(), RGB)
    images = images_for(RGB)
    wanted = torch_scores(network, images, RGB)
    np.testing.assert_allclose(Engine(packed).scores(images), wanted, rtol=0, atol=1e-5)


def test_a_traced_network_is_followed():
    network = torch.jit.trace(Plain().eval(), torch.zeros(1, 3, 12, 12), check_trace=False)
    assert_same_scores(network)  # pyright: ignore[reportArgumentType]


def test_a_network_of_other_inputs_is_refused_with_the_way_out():
    with pytest.raises(PackError, match=r"cannot run on input of shape.*; give a preprocessing"):
        pack(nn.TransformerEncoderLayer(8, 2).eval(), RGB)


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
    [(TwoOutputs, "returns 2 tensors.*; wrap it"), (MapOfScores, r"\(64, 12, 12\).*; ")],
)
def test_other_outputs_than_one_row_of_scores_are_refused(network, says):
    with pytest.raises(PackError, match=says):
        pack(network(nn.Identity()).eval(), RGB)


def signs_then_pooling(own: str | None) -> nn.Module:
    torch.manual_seed(0)
    sign = create("ste_sign")
    return nn.Sequential(
        real_first(64), nn.BatchNorm2d(64), sign, nn.MaxPool2d(2),
        BinaryConv2d(64, 72, 3, padding=1, input_quantizer=own), nn.BatchNorm2d(72), sign,
        nn.MaxPool2d(2), BinaryConv2d(72, 70, 3, padding=1, input_quantizer=own),
        nn.BatchNorm2d(70), sign, nn.Flatten(), BinaryLinear(70 * 9, 10),
    ).eval()  # fmt: skip


def test_a_quantizer_before_pooling_is_the_quantizer_of_the_next_layer():
    outside = assert_same_scores(signs_then_pooling(None), tolerance=0)
    inside = assert_same_scores(signs_then_pooling("ste_sign"), tolerance=0)
    assert ops(outside) == ops(inside)
    assert not {"conv_f32", "conv_f32_bits"} & set(ops(outside))
    images = images_for(RGB)
    np.testing.assert_array_equal(Engine(outside).scores(images), Engine(inside).scores(images))


class Tempered(BinaryLinear):
    def forward(self, x):
        return super().forward(x) * 1.008


def hooked(features: int) -> nn.Module:
    layer = BinaryLinear(features, 5, bias=False)
    layer.register_forward_hook(lambda *given: given[-1] + 0.5)
    return layer


@pytest.mark.parametrize(
    "last", [lambda n: Tempered(n, 5, bias=False), hooked], ids=["own", "hook"]
)
def test_a_forward_pass_of_a_layers_own_and_hooks_are_followed(last):
    network = nn.Sequential(real_first(16), nn.BatchNorm2d(16), nn.Flatten(), last(16 * 144))
    assert_same_scores(network, tolerance=1e-6)


class Classifier(nn.Module):
    """The commonest flattening, and an end of one's choice."""

    def __init__(self, flatten, last):
        super().__init__()
        self.flatten = flatten
        self.features = nn.Sequential(
            real_first(16), nn.MaxPool2d(4), nn.BatchNorm2d(16), nn.Hardtanh(inplace=True)
        )
        self.classifier = nn.Sequential(
            BinaryLinear(16 * 9, 10), nn.BatchNorm1d(10, affine=False), last
        )

    def forward(self, x):
        return self.classifier(self.flatten(self.features(x)))


@pytest.mark.parametrize(
    "flatten",
    [
        lambda x: x.view(-1, 16 * 3 * 3),
        lambda x: x.view(x.size(0), -1),
        lambda x: x.reshape(len(x), -1),
    ],
    ids=["-1", "size", "len"],
)
@pytest.mark.parametrize(
    "last",
    [nn.LogSoftmax(), nn.LogSoftmax(dim=1), nn.LogSoftmax(dim=-1), nn.Softmax(), nn.Identity()],
    ids=str,
)
def test_views_and_ends_without_a_dimension(flatten, last):
    network = Classifier(flatten, last).train()
    with torch.no_grad():
        network(torch.randn(16, 3, 12, 12))
    assert assert_same_scores(network).info["check"]["bits_differ"] == 0


class Pooled(Plain):
    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x):
        return self.fc(self.pool(self.norm(self.conv(x))).flatten(1))


@pytest.mark.parametrize(
    "pool",
    [
        lambda x: F.avg_pool2d(x, 12),
        lambda x: F.avg_pool2d(x, x.size(3)),
        lambda x: F.avg_pool2d(x, x.size()[3]),
        lambda x: F.avg_pool2d(x, x.size()[2:]),
        lambda x: F.avg_pool2d(x, x.shape[2:]),
        lambda x: F.max_pool2d(x, kernel_size=x.shape[-2:]),
    ],
)
def test_windows_are_taken_from_shapes(pool):
    assert_same_scores(Pooled(pool))


class Expression(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f, self.conv = f, BinaryConv2d(3, 8, 12, input_quantizer=None)
        self.row, self.map = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(1, 8, 1, 1))

    def forward(self, x):
        return self.f(self, self.conv(x)).flatten(1)


@pytest.mark.parametrize(
    "f",
    [
        lambda s, x: x + s.row.view(1, -1, 1, 1),
        lambda s, x: x + s.map.expand_as(x),
        lambda s, x: x * s.map.abs(),
        lambda s, x: x + s.row[None, :, None, None],
        lambda s, x: x - s.map,
        lambda s, x: x * (1 / x.shape[1]),
        lambda s, x: x.detach().float(),
    ],
    ids=["view", "expand_as", "abs", "None", "minus", "1/C", "detach and float"],
)
def test_expressions_of_parameters_are_numbers(f):
    assert_same_scores(Expression(f), tolerance=1e-6)


class Sequence(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.pool = pool
        self.conv = BinaryConv1d(3, 32, 3, input_quantizer=None)
        self.norm, self.fc = nn.BatchNorm1d(32), nn.Linear(32, 5)

    def forward(self, x):
        return self.fc(self.pool(self.norm(self.conv(x))))


@pytest.mark.parametrize(
    "pool", [lambda x: x.mean((2,)), lambda x: x.mean(2), lambda x: x.mean(dim=-1)]
)
def test_the_mean_of_a_sequence(pool):
    assert_same_scores(Sequence(pool), LINE)


@pytest.mark.parametrize(
    ("scale", "bias"), [(1 / 127.5, -1.0), (2.0, -1.0)], ids=["grey above 127.5", "bits 0 and 1"]
)
def test_pixels_that_are_binarized_first_meet_integer_thresholds(scale, bias, tmp_path):
    network = nn.Sequential(
        nn.Flatten(), BinaryLinear(64, 32), nn.BatchNorm1d(32), BinaryLinear(32, 10),
        nn.BatchNorm1d(10),
    )  # fmt: skip
    packed = assert_same_scores(network, Preprocessing([scale], [bias], (8, 8)))
    first = next(node for node in packed.nodes if node.op == "threshold")
    assert packed.types[first.inputs[0]].kind == U8
    assert "normalize" not in ops(packed)
    request = make_request(packed, "net", images_for(packed.preprocessing)[:2])
    export(request, "verilog", tmp_path / "v")
    assert (tmp_path / "v" / "net.v").is_file()
