"""Networks of kinds that once packed wrong, crashed or lost their bits give torch's scores."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel

from signbit.errors import PackError
from signbit.export import export, make_request
from signbit.format import Preprocessing
from signbit.format.types import U8
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryLinear
from signbit.pack import pack
from signbit.quantizers import AbstractQuantizer, create
from signbit.runtime.engine import Engine
from tests.pack.corpus._images import images_for
from tests.pack.same_scores import LINE, RGB, assert_same_scores, ops, real_first, torch_scores

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


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
