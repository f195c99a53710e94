"""Networks that were written to be packed wrong, or to end in another error than a refusal."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from signbit.errors import PackError
from signbit.format import Preprocessing
from signbit.pack import pack
from tests.pack.attacked import Middle, attack
from tests.pack.corpus._case import GREY, RGB
from tests.pack.corpus._parts import BConv2d, BLinear, Call, Real, Sign

# The networks warn of what they do wrong.
pytestmark = pytest.mark.filterwarnings("ignore")


class ShiftedSign(nn.Module):
    """torch.sign of x + bias, as in ReActNet: 0 for each x that rounding takes to -bias."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(16)
        self.bias = nn.Parameter(torch.zeros(16, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        # Its threshold is close to x = 0.
        with torch.no_grad():
            mean, variance = self.norm.running_mean, self.norm.running_var
            assert mean is not None
            assert variance is not None
            scale = self.norm.weight / torch.sqrt(variance + self.norm.eps)
            self.norm.bias.copy_(0.7 + mean * scale)
            self.bias.fill_(-0.7 + 1e-5)
        return torch.sign(self.norm(x) + self.bias)


class RealFirst(Middle):
    """The first layer is real."""

    def __init__(self, quantizer: nn.Module):
        super().__init__(quantizer)
        self.conv1 = nn.Conv2d(3, 16, 3)  # pyright: ignore


def test_a_zero_that_rounding_alone_makes_is_no_third_value():
    attack(lambda: RealFirst(ShiftedSign()))


def test_a_zero_for_a_range_of_numbers_is_a_third_value():
    def sign(x: Tensor) -> Tensor:
        return torch.sign(nn.functional.hardshrink(x - 1.0, 0.05))

    attack(lambda: RealFirst(Call(sign)), refused="gives 0 between its two values")


def test_many_layers_one_after_the_other():
    def make() -> nn.Module:
        layers = [m for _ in range(150) for m in (BLinear(9, 9), Sign())]
        return nn.Sequential(nn.Flatten(), BLinear(64, 9), Sign(), *layers, BLinear(9, 5))

    attack(make, images=GREY, integers=True)


def test_many_real_operators_one_after_the_other():
    def many(x: Tensor) -> Tensor:
        for _ in range(200):
            x = x * 1.01 + 0.1
        return x

    attack(lambda: nn.Sequential(nn.Flatten(), Call(many), nn.Linear(64, 5)), images=GREY)


class EvenSums(nn.Module):
    """Signs of sums of `depth` signs; integers throughout."""

    def __init__(self, sign: Callable[[Tensor], Tensor], depth: int = 32):
        super().__init__()
        self.conv1, self.norm, self.first = BConv2d(3, depth, 3), nn.BatchNorm2d(depth), Sign()
        self.conv2, self.sign, self.fc = BConv2d(depth, 16, 3, bias=False), sign, BLinear(1024, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(self.first(self.norm(self.conv1(x))))
        return self.fc(self.sign(x).flatten(1))


def plus_minus(condition: Tensor) -> Tensor:
    return torch.where(condition, 1.0, -1.0)


@pytest.mark.parametrize(
    "sign",
    [
        # 130 becomes -126: no threshold is that.
        lambda x: plus_minus(x.to(torch.int8) > 3),
        lambda x: plus_minus((x.int() & 2) > 0),
        lambda x: plus_minus((x.long() | 4) > 5),
        lambda x: plus_minus((x.to(torch.int16) * 1000).to(torch.int8) > 0),
    ],
    ids=["int8", "and", "or", "product"],
)
def test_whole_numbers_that_wrap_around_are_no_threshold(sign: Callable[[Tensor], Tensor]):
    attack(lambda: EvenSums(sign), integers=True, refused="turns more than once")


def test_whole_numbers_of_real_ones():
    attack(lambda: RealFirst(Call(lambda x: plus_minus((x * 3).int() > 0))))
    attack(lambda: RealFirst(Call(lambda x: plus_minus((x * 3).long() >= 1))))


@pytest.mark.parametrize(
    ("sign", "refused"),
    [
        (lambda x: plus_minus(x.view(torch.int32) > 0x3F000000), "reads the memory"),
        (lambda x: plus_minus(torch.logical_not(x)), "reads numbers, not truth values"),
    ],
    ids=["memory", "logical_not"],
)
def test_numbers_that_are_read_as_something_else(sign: Callable[[Tensor], Tensor], refused: str):
    attack(lambda: EvenSums(sign), integers=True, refused=refused)


class TwoRelus(nn.Module):
    """-relu - relu is -0 where neither is above zero."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 16, 3), nn.Conv2d(3, 16, 3)
        self.conv, self.fc = BConv2d(16, 16, 3), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = -torch.relu(self.one(x)) + -torch.relu(self.other(x))
        return self.fc(self.conv(torch.copysign(torch.ones(()), y)).mean((2, 3)))


def test_the_sign_of_minus_zero_is_refused():
    attack(TwoRelus, refused="0 from -0")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float):
    def broken(model: nn.Module) -> nn.Module:
        model.fc.weight.data[0, 0] = value  # pyright: ignore
        return model

    attack(lambda: Real(lambda x: x), wrap=broken, refused="NaN or infinity")


def test_no_scores_at_all_are_refused():
    attack(lambda: nn.Sequential(Real(lambda x: x), Call(lambda x: x[:, :0])), refused="without")


def test_a_matrix_for_each_group_is_refused():
    weight = torch.randn(4, 4, 5)

    def grouped(x: Tensor) -> Tensor:
        return torch.einsum("ngi,gio->ngo", x.mean((2, 3)).view(-1, 4, 4), weight).mean(1)

    attack(lambda: nn.Sequential(nn.Conv2d(3, 16, 3), Call(grouped)), refused="several matrices")


def test_scores_that_depend_on_the_number_of_images_are_refused():
    attack(lambda: Real(lambda x: x / len(x)), refused="in another batch")


def test_scores_that_depend_on_the_number_of_calls_are_refused():
    class Counts(Real):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return super().forward(x) * (1 if self.calls < 4 else self.calls)

    attack(lambda: Counts(lambda x: x), refused="on a second call|was different for another image")


def test_weights_that_are_rounded_by_a_large_number():
    def rounded(weight: Tensor) -> Tensor:
        large = torch.full_like(weight, 1.5 * 2**23)
        return (weight * 8 + large) - large

    weight = torch.randn(5, 1600)

    def scores(x: Tensor) -> Tensor:
        return nn.functional.linear(x.flatten(1), rounded(weight))

    attack(lambda: nn.Sequential(nn.Conv2d(3, 16, 3), Call(scores)))


def test_weights_that_are_sparse_are_refused():
    weight = torch.randn(16, 16).relu().to_sparse()
    attack(lambda: Real(lambda x: torch.sparse.mm(weight, x.mean((2, 3)).T).T), refused="to_dense")


def test_a_choice_of_functions_by_values_is_refused():
    def chosen(x: Tensor) -> Tensor:
        return torch.cond(x.sum() > -1e9, lambda x: x * 2, lambda x: -x, (x,))

    attack(lambda: Real(chosen), refused="cond")


def test_a_function_that_the_network_compiles_runs_as_it_is_written(caplog: Any):
    attack(lambda: Real(torch.compile(lambda x: torch.where(x > 0, x * 2, x))))
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


class Inference(Real):
    """In inference mode torch hands over whole operators, such as conv2d."""

    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


def test_a_forward_in_inference_mode():
    attack(lambda: Inference(lambda x: nn.functional.dropout(x, training=False)))


class RowsOfPositions(nn.Module):
    """The positions of all images as one batch, for the norm and the sign."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.sign = BConv2d(3, 16, 3), nn.BatchNorm1d(16), Sign()
        self.fc = BLinear(1600, 5)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.conv(x).permute(0, 2, 3, 1).reshape(-1, 16)
        return self.fc(self.sign(self.norm(rows)).reshape(len(x), -1))


def test_bits_whose_first_dimension_holds_more_than_the_batch():
    attack(RowsOfPositions, integers=True)


def test_whole_numbers_and_truths_of_a_relu():
    attack(lambda: EvenSums(lambda x: plus_minus(~torch.relu(x).bool())), integers=True)


@pytest.mark.parametrize(
    "middle",
    [lambda x: torch.rot90(x, 1, (2, 3)), lambda x: torch.tril(x), lambda x: torch.triu(x, 2)],
    ids=["rot90", "tril", "triu"],
)
def test_more_movements(middle: Callable[[Tensor], Tensor]):
    attack(lambda: Real(middle))


def test_refusals_say_the_way_out():
    def floored(x: Tensor) -> Tensor:
        return torch.div(x, torch.tensor([2.0, 3.0] * 6), rounding_mode="floor")

    attack(lambda: Real(floored), refused="torch.floor")
    dilated = nn.ConvTranspose2d(16, 16, 3, dilation=2)
    attack(lambda: Real(dilated), refused="kernel with zeros")


def test_means_of_whole_numbers_over_windows_of_several_sizes_are_zero_where_sums_are():
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = BConv2d(3, 16, 3), BConv2d(16, 16, 3, bias=False)
            self.pool, self.sign, self.fc = nn.AdaptiveAvgPool2d((3, 5)), Sign(), BLinear(240, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv2(self.sign(self.conv1(x)))
            return self.fc(self.sign(self.pool(x)).flatten(1))

    # Of integers: no rounding excuses a difference.
    attack(Pooled, integers=True)


def test_a_function_of_a_library_between_integers_is_not_exact():
    plain = EvenSums(lambda x: plus_minus(x + x.amax(1, keepdim=True) > 3))
    assert pack(plain.eval(), RGB).info["exact"]
    for function in (torch.tanh, torch.rsqrt, lambda x: x**5, lambda x: torch.add(x, x, alpha=0.3)):

        def sign(x: Tensor, function: Callable[[Tensor], Tensor] = function) -> Tensor:
            return plus_minus(function(x / 4 + 30) + x.amax(1, keepdim=True) > 3)

        assert not pack(EvenSums(sign).eval(), RGB).info["exact"]


def test_a_sign_of_three_values_after_a_norm_of_the_image_is_refused_as_a_number_too():
    def network(norm: nn.Module) -> nn.Module:
        layers = nn.Conv2d(3, 8, 3), norm, _Sign(), nn.Conv2d(8, 4, 3), nn.Flatten()
        return nn.Sequential(*layers, nn.Linear(256, 3))

    attack(lambda: network(nn.GroupNorm(1, 8)), refused="0 where an image is flat")
    # Its zero lies elsewhere.
    shifted = nn.GroupNorm(1, 8)
    nn.init.constant_(shifted.bias, 0.5)
    attack(lambda: network(shifted))


def test_a_sign_of_zeros_that_a_pool_carries_is_refused_as_a_number():
    def network() -> nn.Module:
        layers = nn.Conv2d(3, 8, 3), nn.GroupNorm(1, 8), nn.AvgPool2d(2, 1), _Sign()
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, 3))

    attack(network, refused="0 where an image is flat")


@pytest.mark.parametrize("integers", [True, False], ids=["sums", "numbers"])
def test_a_sign_of_a_function_that_is_0_far_from_0_is_refused(integers: bool):
    # GELU gives -0 for all numbers below -14, so torch.sign of it has a third value there.
    def network() -> nn.Module:
        norm = nn.BatchNorm2d(8)
        nn.init.constant_(norm.weight, 12.0)
        first = BConv2d(3, 8, 3, bias=False) if integers else nn.Conv2d(3, 8, 3)
        layers = first, norm, nn.GELU(), _Sign(), BConv2d(8, 4, 3), nn.Flatten()
        return nn.Sequential(*layers, nn.Linear(256, 3))

    attack(network, refused="is not a sign with two values")


def test_a_sign_of_an_image_at_zero_is_refused():
    # Pixel 128 is 0 in every channel, so one image makes zeros of all numbers before the signs.
    layers = nn.Conv2d(3, 8, 3, bias=False), nn.AvgPool2d(2, 1), _Sign(), nn.Flatten()
    network = nn.Sequential(*layers, BLinear(200, 3))
    rgb = Preprocessing([1 / 128] * 3, [-1.0] * 3, (8, 8))
    with pytest.raises(PackError, match="0 where an image is flat"):
        pack(network.eval(), rgb)


def test_a_sign_of_three_values_after_a_norm_of_the_image_is_refused():
    # Of a flat image every number is its mean: torch.sign gives 0 wherever the norm has no bias.
    norm = nn.GroupNorm(1, 8)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), norm, _Sign(), nn.Flatten(), BLinear(288, 3))
    rgb = Preprocessing([1 / 128] * 3, [-1.0] * 3, (8, 8))
    with pytest.raises(PackError, match=r"0 where an image is flat|third value"):
        pack(network.eval(), rgb)


class _Sign(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(x)
