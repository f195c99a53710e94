"""What packs, what does not, and what the report and the self-check say."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.grey import GREY, body, first
from helpers.models import small, small_size
from torch import nn

from signbit.errors import PackError
from signbit.format import PackedModel, Preprocessing
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryLayer, BinaryLinear, RPReLU, RSign
from signbit.models import create, models
from signbit.pack import pack
from signbit.quantizers import AbstractQuantizer
from signbit.runtime import reference
from signbit.runtime.engine import Engine

RGB = Preprocessing([1 / 128] * 3, [-1.0] * 3, (8, 8))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def ops(packed: PackedModel) -> list[str]:
    return [node.op for node in packed.nodes]


@pytest.mark.parametrize("name", models.names())
def test_every_model_packs_without_a_real_layer_but_those_that_it_has(name):
    size = small_size(name)
    model = small(name, in_channels=1, input_size=size).eval()
    weighted = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    real = [layer for layer in weighted if not isinstance(layer, BinaryLayer)]
    packed = pack(model, Preprocessing([1 / 128], [-1.0], size))
    assert packed.info["check"]["bits_differ"] == 0
    assert ops(packed).count("conv_f32") == len(real)
    assert "conv_f32_bits" not in ops(packed)
    assert packed.info["exact"] == (not real)
    reasons = [row["why"] for row in packed.info["modules"] if row["why"]]
    assert reasons == ["its weights are real"] * len(real)


def test_stochastic_signs_pack_as_deterministic_ones():
    model = create("digits_binary", width=8, input_quantizer="stochastic_sign").eval()
    assert pack(model, GREY).info["exact"]


def test_a_row_of_numbers_packs_as_a_sequence():
    network = body(
        BinaryConv1d(1, 8, 3, input_quantizer=None),
        nn.BatchNorm1d(8),
        nn.MaxPool1d(2),
        BinaryConv1d(8, 8, 3, stride=2, padding=1),
        features=80,
    )
    packed = pack(network, Preprocessing([1 / 128], [-1.0], (1, 42)))
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 42, 1)).astype(np.uint8)
    with torch.no_grad():
        wanted = network(torch.from_numpy(images)[:, 0, :, 0][:, None].float() / 128 - 1)
    np.testing.assert_array_equal(Engine(packed).scores(images), wanted.numpy())


@pytest.mark.parametrize(("channels", "flat"), [(1, True), (3, True), (64, False), (65, True)])
def test_a_linear_layer_on_pixels_pads_no_pixel_to_a_word(channels, flat):
    preprocessing = Preprocessing([1 / 128] * channels, [-1.0] * channels, (4, 8))
    network = nn.Sequential(nn.Flatten(), BinaryLinear(32 * channels, 5, input_quantizer=None))
    packed = pack(network.eval(), preprocessing)
    assert ops(packed)[: 1 + flat] == ["flatten", "conv_u8"][1 - flat :]
    node = packed.nodes[flat]
    assert node.tensors["weight"].size == 5 * -(-32 * channels // 64)


@pytest.mark.parametrize(
    ("preprocessing", "op", "exact"),
    [
        (GREY, "conv_u8", True),
        (Preprocessing([1 / 127.5], [-1.0], (8, 8)), "conv_u8", False),
        (Preprocessing([1 / 255], [0.0], (8, 8)), "conv_u8", False),
        (Preprocessing([1.0], [0.0], (8, 8)), "conv_u8", True),
        (Preprocessing([0.01], [-0.3333], (8, 8)), "conv_f32_bits", False),
    ],
    ids=["128", "127.5", "255", "plain", "uneven"],
)
def test_pixels_are_integers_where_one_scale_allows_it(preprocessing, op, exact):
    packed = pack(body(first(), nn.BatchNorm2d(16), features=1024), preprocessing)
    assert (op in ops(packed), packed.info["exact"]) == (True, exact)
    rows = {row["module"]: row["why"] for row in packed.info["modules"]}
    assert bool(rows["0"]) == (op == "conv_f32_bits")


def test_pixels_of_different_scales_are_real():
    first_layer = BinaryConv2d(3, 8, 3, input_quantizer=None)
    preprocessing = Preprocessing.from_mean_std([0.4, 0.5, 0.6], [0.2, 0.3, 0.2], (8, 8))
    packed = pack(body(first_layer, nn.BatchNorm2d(8), features=288), preprocessing)
    assert ops(packed)[:2] == ["normalize", "conv_f32_bits"]
    assert "a different scale per channel" in packed.info["modules"][0]["why"]


def falling_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    nn.init.uniform_(norm.weight, -1, -0.5)
    return norm


@pytest.mark.parametrize(
    ("padding_value", "padding", "flips"), [(0.0, 1, 0), (-1.0, 1, 1), (1.0, 1, 1), (1.0, 0, 0)]
)
def test_flips_go_into_weights_unless_padding_counts(padding_value, padding, flips):
    second = BinaryConv2d(16, 16, 3, padding=padding, padding_value=padding_value)
    features = 256 if padding else 64
    network = body(first(), nn.MaxPool2d(2), falling_norm(16), second, features=features)
    packed = pack(network, GREY)
    assert ops(packed).count("flip") == flips


def test_a_falling_norm_before_pooling_needs_no_flip():
    packed = pack(body(first(), falling_norm(16), nn.MaxPool2d(2), features=256), GREY)
    assert ops(packed)[:3] == ["conv_u8", "threshold", "max_pool"]


class Functional(nn.Module):
    """One forward pass with functions in place of modules."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = first(8), BinaryLinear(8, 3)
        self.scale = nn.Parameter(torch.rand(1, 8, 1, 1) - 0.3)
        self.register_buffer("shift", torch.randn(8, 1, 1))

    def forward(self, x):
        y = self.conv(x) * self.scale + self.shift
        y = nn.functional.hardtanh(nn.functional.max_pool2d(y, 2), -2, 2)
        y = torch.relu(y + 0.5).mean((2, 3))
        return torch.log_softmax(self.linear(y.view(y.size(0), -1)), dim=1)


def test_functions_pack_like_modules():
    packed = pack(Functional().eval(), GREY)
    assert packed.info["check"]["predictions_differ"] == 0
    assert ops(packed)[-1] == "log_softmax"


def test_real_layers_stay_real_and_the_report_says_why():
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(72, 3)
    ).eval()
    packed = pack(network, GREY)
    rows = {row["module"]: row for row in packed.info["modules"]}
    assert rows["0"]["became"] == "real convolution, affine"
    assert rows["0"]["why"] == rows["4"]["why"] == "its weights are real"
    assert rows["0"]["bits_before"] == rows["0"]["bits_after"] - 32 * 8  # affine's scale of one


class _Thirds(AbstractQuantizer):
    binary = False

    def forward(self, x):
        return x.clamp(-1, 1)


class _Product(nn.Module):
    def forward(self, x):
        return (x * x).flatten(1)


class _Branching(nn.Module):
    def forward(self, x):
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)


class _Two(nn.Module):
    def forward(self, x, y):
        return (x + y).flatten(1)


class _Along(nn.Module):
    """A constant that torch adds along the width, as wide as there are channels."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.arange(8.0))
        self.first = BinaryConv2d(1, 8, 3, padding=1, input_quantizer=None)

    def forward(self, x):
        return (self.first(x) + self.shift).mean((2, 3))


class _Alpha(nn.Module):
    def forward(self, x):
        return torch.add(x, x, alpha=2).flatten(1)


class _Named(nn.Module):
    def forward(self, x):
        return torch.add(input=x, other=x).flatten(1)


class _Divided(nn.Module):
    def forward(self, x):
        return F.avg_pool2d(x, 8, 8, 0, False, True, 3).flatten(1)


class _Calling(nn.Module):
    """A forward pass of one function of the input and a buffer."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("b", torch.ones(2, 1, 8, 8))

    def forward(self, x):
        return self.function(x, self.b).flatten(1)


def _raising(x, b):
    raise NotImplementedError


def _padded_real() -> nn.Module:
    options = {"padding": 1, "padding_value": 1.0, "weight_quantizer": "identity"}
    return body(BinaryConv2d(1, 1, 3, input_quantizer=None, **options))


def _reflecting() -> nn.Module:
    return body(BinaryConv2d(1, 1, 3, padding=1, padding_mode="reflect", input_quantizer=None))


def _without_statistics() -> nn.Module:
    return body(nn.BatchNorm2d(1, track_running_stats=False))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), r"in training mode; call eval\(\)"),
        (_Branching().eval(), r"^0 \(test_pack.py:\d+\): .* a Python number or decision"),
        (_Two().eval(), r"missing 1 required positional argument.*in the order of its forward"),
        (_without_statistics(), r"^0: .*without running statistics"),
        (nn.Conv2d(1, 1, 3).eval(), r"one row of scores"),
        (nn.Linear(8, 2).eval(), r"values of shape \(1, 8, 2\) for an image; return one row"),
        (body(features=5), r"^Sequential: cannot run on input of shape \(2, 1, 8, 8\)"),
        (_Calling(lambda x, b: torch.cat([x, b], 1)).eval(), r"not on one of 8: Sizes of tensors"),
        (_Calling(lambda x, b: F.dropout(x)).eval(), r"bernoulli draws random numbers"),
        (_Calling(_raising).eval(), r"NotImplementedError; give a preprocessing"),
        (_Calling(lambda x, b: x @ x).eval(), r"bmm multiplies two matrices .* attention"),
        (_Calling(lambda x, b: x.sort(1)[0]).eval(), r"sort cannot be packed; write it with"),
        (_Calling(lambda x, b: x - x.mean(0)).eval(), r"one of them the batch"),
    ],
    ids=[
        "training",
        "values",
        "inputs",
        "statistics",
        "map",
        "rank",
        "shape",
        "buffer",
        "dropout",
        "silent",
        "product of two",
        "unknown",
        "batch",
    ],
)
def test_what_cannot_be_packed_is_refused_by_name(network, message):
    with pytest.raises(PackError, match=message):
        pack(network, GREY)


@pytest.mark.parametrize(
    "network",
    [
        body(nn.GELU()),
        _reflecting(),
        body(BinaryConv2d(1, 1, 1, input_quantizer=_Thirds())),
        _Product().eval(),
        body(nn.AdaptiveAvgPool2d(3), features=9),
        nn.Sequential(nn.Softmax(3), nn.Flatten()).eval(),
        _Along().eval(),
        _Alpha().eval(),
        _Named().eval(),
        _Divided().eval(),
        _padded_real(),
    ],
    ids=[
        "gelu",
        "reflect",
        "real quantizer",
        "product",
        "adaptive",
        "softmax of rows",
        "along the width",
        "alpha",
        "named",
        "divisor",
        "padded with 1",
    ],
)
def test_real_operations_give_the_scores_of_torch(network):
    packed = pack(network, GREY)
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
    with torch.no_grad():
        wanted = network(torch.from_numpy(images).permute(0, 3, 1, 2) / 128 - 1).numpy()
    np.testing.assert_allclose(Engine(packed).scores(images), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, b: torch.cat(tensors=[x, x], dim=1),
        lambda x, b: F.relu(input=x),
        lambda x, b: F.dropout(x, training=False),
        lambda x, b: F.max_pool2d(input=x, kernel_size=2),
    ],
    ids=["cat", "relu", "dropout", "pool"],
)
def test_arguments_may_be_given_by_name(function):
    assert pack(_Calling(function).eval(), GREY).info["check"]["largest_score_difference"] == 0


@pytest.mark.parametrize(
    "pool", [{"stride": 2}, {"stride": 1, "padding": 1}], ids=["far", "padded"]
)
def test_average_pooling_rounds_sizes_up_and_divides_by_what_is_inside(pool):
    layer = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False, **pool)
    side = 4 if pool["stride"] == 2 else 8
    packed = pack(body(nn.Conv2d(1, 4, 2), layer, features=4 * side**2), GREY)
    assert packed.info["check"]["largest_score_difference"] < 1e-5
    (node,) = [node for node in packed.nodes if node.op == "avg_pool"]
    assert not node.attributes["count_padding"]


class Shifted(nn.Module):
    """RSign behind RPReLU, on integers and on real numbers, with slopes of either sign."""

    def __init__(self, lowest_slope: float):
        super().__init__()
        self.first = first(16)
        signs = [RSign(16), RSign(16)]
        self.relus = nn.ModuleList(RPReLU(16) for _ in range(2))
        self.convs = nn.ModuleList(
            BinaryConv2d(16, 16, 3, padding=1, input_quantizer=sign) for sign in signs
        )
        for parameter in [*(sign.alpha for sign in signs), *self.relus.parameters()]:
            # On whole and half numbers, which sums equal.
            parameter.data = torch.randint(-6, 7, (16,)) / 2
        for relu in self.relus:
            relu.slope.data = torch.rand(16) + lowest_slope
        self.linear = BinaryLinear(1024, 3)

    def forward(self, x):
        x = self.convs[0](self.relus[0](self.first(x)))
        x = self.convs[1](self.relus[1](x) + x)
        return self.linear(x.flatten(1))


@pytest.mark.parametrize("lowest_slope", [0.0, -0.5])
def test_learned_shifts_pack_exactly(lowest_slope):
    packed = pack(Shifted(lowest_slope).eval(), GREY)
    assert packed.info["exact"]
    assert packed.info["check"]["bits_differ"] == 0
    # Where no slope falls, RPReLU and RSign are part of an integer threshold.
    assert ("prelu" in ops(packed)) == (lowest_slope < 0)
    images = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 1)).astype(np.uint8)
    np.testing.assert_array_equal(
        Engine(packed, 2).scores(images), reference.scores(packed, images)
    )


class _Shortcut(nn.Module):
    """A real value that is added to another one later, and whose sign is looked at before."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = first(16), nn.BatchNorm2d(16)
        self.conv, self.linear = BinaryConv2d(16, 16, 3, padding=1), BinaryLinear(1024, 3)

    def forward(self, x):
        x = self.norm(self.first(x))
        return self.linear((self.conv(x) + x).flatten(1))


def test_a_sign_of_a_real_value_that_the_network_makes_reads_it_there():
    packed = pack(_Shortcut().eval(), GREY)
    kinds = [packed.types[n.inputs[0]].kind for n in packed.nodes if n.op == "threshold"]
    assert kinds == ["f32", "f32"]


def test_what_pack_finds_out_is_not_overridden_by_info():
    info = {"check": {}, "exact": "perhaps", "modules": 3, "epoch": 7}
    packed = pack(body(first(), features=1024), GREY, info=info, check=False)
    assert "check" not in packed.info
    assert packed.info["exact"] is True
    assert packed.info["modules"] != 3
    assert packed.info["epoch"] == 7
