"""Operators as people write them, between layers and by themselves."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signbit.format import Preprocessing
from signbit.pack import pack
from signbit.runtime.engine import Engine
from tests.pack.attacked import attack
from tests.pack.corpus._parts import BConv2d, Between, BLinear, Call, PlusMinus, Real

Function = Callable[[Tensor], Tensor]

CHANNELS = torch.linspace(-1, 1, 16).view(-1, 1, 1)
WEIGHT = torch.randn(16, 144, generator=torch.Generator().manual_seed(1))
SQUARE = WEIGHT[:, :16]


def mean(x: Tensor) -> Tensor:
    return x.mean(1, keepdim=True)


def constant(x: Tensor, value: float) -> Tensor:
    return torch.full_like(x[:, :1], value)


def columns(x: Tensor) -> Tensor:
    return F.unfold(PlusMinus.apply(x), 3, padding=1)  # pyright: ignore


# Of x, (N, 16, 12, 12), to as many.
REAL: dict[str, Function] = {
    "lerp": lambda x: torch.lerp(x, x.relu(), 0.3),
    "lerp_of_two": lambda x: torch.lerp(x, mean(x).expand_as(x), 0.7),
    "lerp_by_channel": lambda x: torch.lerp(x, x.relu(), CHANNELS.expand(16, 12, 12)),
    "lerp_to_constant": lambda x: torch.lerp(x, CHANNELS.expand_as(x), 0.3),
    "lerp_by_value": lambda x: torch.lerp(x, mean(x).expand_as(x), x.sigmoid()),
    "addcmul": lambda x: torch.addcmul(x, x, mean(x), value=0.5),
    "addcmul_constant": lambda x: torch.addcmul(CHANNELS, x, mean(x)),
    "addcmul_constants": lambda x: torch.addcmul(x, CHANNELS, CHANNELS * 2, value=0.3),
    "addcmul_alone": lambda x: torch.addcmul(x, x.relu(), x.tanh()),
    "addcdiv": lambda x: torch.addcdiv(x, x, mean(x).abs() + 1, value=0.5),
    "addcdiv_constants": lambda x: torch.addcdiv(x, CHANNELS, CHANNELS.abs() + 1),
    "add_alpha": lambda x: torch.add(x, mean(x), alpha=0.3),
    "clamp_by_channel": lambda x: x.clamp(CHANNELS - 1, CHANNELS + 1),
    "clamp_by_values": lambda x: torch.clamp(x, min=mean(x) - 1, max=mean(x)),
    "clamp_by_value": lambda x: x.clamp(max=mean(x)),
    "var": lambda x: x.var(1, keepdim=True) * x,
    # The deviation of a channel without gamma is 0 in torch, and close to 0 where sums are rounded.
    "std": lambda x: x.std((2, 3), unbiased=False, keepdim=True) * x + 0.5,
    "var_mean": lambda x: x - sum(torch.var_mean(x, (2, 3), keepdim=True)) + 0.5,
    "std_mean": lambda x: x * sum(torch.std_mean(x, 1, keepdim=True)),
    "logsumexp": lambda x: x - x.logsumexp(1, keepdim=True),
    "logsumexp_of_map": lambda x: x * x.logsumexp((2, 3), keepdim=True) / 8,
    "aminmax": lambda x: x / (1 + abs(sum(torch.aminmax(x, dim=1, keepdim=True)))),
    "any": lambda x: x * (x > 1).any(1, keepdim=True).float(),
    "all": lambda x: x * (x > -1).all(1, keepdim=True).float(),
    "highest_norm": lambda x: x / x.norm(float("inf"), dim=1, keepdim=True),
    "nan_to_num": lambda x: torch.log(x).nan_to_num(),
    "nan_to_number": lambda x: torch.log(x).nan_to_num(0.5),
    "nan_of_quotient": lambda x: (x.relu() / x.relu()).nan_to_num(),
    "square": lambda x: x.square() - x,
    "rsqrt": lambda x: (x.abs() + 1).rsqrt(),
    "log1p": lambda x: x.abs().log1p(),
    "expm1": lambda x: (x / 8).expm1(),
    "logit": lambda x: x.sigmoid().logit(1e-3),
    "tan": lambda x: (x / 64).tan(),
    "exp2": lambda x: (x / 4).exp2(),
    "log2": lambda x: (x.abs() + 1).log2() + (x.abs() + 1).log10(),
    "power_of_a_number": lambda x: 2.0 ** (x / 4),
    "celu": lambda x: F.celu(x, 0.5) + F.selu(x),
    "falling_elu": lambda x: F.elu(x, -0.5),
    "hardtanh": lambda x: F.hardtanh_(x * 1.0),
    "rrelu": lambda x: F.rrelu(x),
    "softsign": lambda x: F.softsign(x) + F.tanhshrink(x),
    "glu": lambda x: F.glu(torch.cat([x, x.relu()], 1), 1),
    "cumsum": lambda x: x.cumsum(1) / 8,
    "cumsum_of_rows": lambda x: x.cumsum(2) / 8,
    "index_select": lambda x: x.index_select(1, torch.arange(15, -1, -1)),
    "gather": lambda x: x.gather(1, torch.zeros(1, 16, 1, 1).long().expand(len(x), 16, 12, 12)),
    "index_fill": lambda x: x.index_fill(1, torch.tensor([3, 1]), 0.5),
    "index_copy": lambda x: x.index_copy(1, torch.tensor([3, 1]), x[:, :2]),
    "scatter": lambda x: x.scatter(1, torch.zeros(len(x), 1, 12, 12).long(), 0.25),
    "tile": lambda x: x[:, :4].tile(1, 4, 1, 1),
    "repeat_interleave": lambda x: x[:, :4].repeat_interleave(4, 1),
    "expand": lambda x: x[:, :1].expand(-1, 16, -1, -1),
    "roll": lambda x: x.roll((1, 2), (1, 3)).flip(2),
    "unfold": lambda x: (PlusMinus.apply(WEIGHT) @ columns(x)).view(-1, 16, 12, 12),  # pyright: ignore
    "unfold_linear": lambda x: F.linear(columns(x).mT, WEIGHT.sign()).mT.reshape(-1, 16, 12, 12),
    "unfold_einsum": lambda x: torch.einsum("nkl,ok->nol", columns(x), WEIGHT.sign()).view(
        -1, 16, 12, 12
    ),
    "unfold_product": lambda x: (
        (columns(x)[:, None] * WEIGHT.sign()[:, :, None]).sum(2).view(-1, 16, 12, 12)
    ),
    "einsum": lambda x: torch.einsum("nchw,oc->nohw", x, SQUARE),
    "tensordot": lambda x: torch.tensordot(x.movedim(1, 3), SQUARE, 1).movedim(3, 1),
    "matmul": lambda x: (SQUARE.sign() @ x.flatten(2)).view_as(x),
    "matmul_from_right": lambda x: (x.movedim(1, 3) @ SQUARE.sign()).movedim(3, 1),
    "addmm": lambda x: torch.addmm(torch.ones(16), x.mean((2, 3)), SQUARE.sign(), alpha=0.5),
    "baddbmm": lambda x: (
        torch.baddbmm(
            torch.ones(1, 16, 144), SQUARE.expand(len(x), 16, 16), x.flatten(2), alpha=0.3
        )
    ).view_as(x),
    "mv": lambda x: torch.mv(x.mean((2, 3)), CHANNELS.flatten())[:, None].expand(-1, 16),
    "two_constants": lambda x: torch.cat([x[:, 2:], constant(x, 2), constant(x, 3)], 1),
    "constants_between": lambda x: torch.cat(
        [x[:, :7], constant(x, 1), x.relu()[:, :7], constant(x, 0)], 1
    ),
    "infinite_constant": lambda x: torch.cat(
        [x[:, 2:], constant(x, 2), constant(x, float("inf"))], 1
    ).clamp(-3, 3),
    "coordinates": lambda x: torch.cat(
        [x[:, 1:], torch.linspace(-1, 1, 12).expand(len(x), 1, 12, 12)], 1
    ),
    "stack": lambda x: torch.stack(
        [constant(x, 2)[:, 0], constant(x, 3)[:, 0], *x.unbind(1)[2:]], 1
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_an_operator_of_real_numbers(name: str):
    attack(lambda: Real(REAL[name]))


WITHOUT_MAP = ("addmm", "mv")


@pytest.mark.parametrize("name", [name for name in REAL if name not in WITHOUT_MAP])
def test_an_operator_before_a_sign(name: str):
    attack(lambda: Between(REAL[name]))


# Of pixels, (N, 64) from -1 to 1 in steps of 1/128, to the very bits that torch gives.
EXACT: dict[str, Function] = {
    "quotient": lambda x: x / 7,
    "quotients": lambda x: x / torch.arange(1, 65),
    "quotient_of_number": lambda x: 7 / (x + 3),
    "quotient_of_two": lambda x: x / x.amax(1, keepdim=True),
    "zero_by_zero": lambda x: x / x.abs(),
    "at_least": lambda x: torch.maximum(x, torch.linspace(-1, 1, 64)),
    "addcdiv": lambda x: torch.addcdiv(x, x, x + 3, value=0.3),
    "hardsigmoid": lambda x: F.hardsigmoid(x * 5),
    "hardswish": lambda x: F.hardswish(x * 5),
    "fake_quantize": lambda x: torch.fake_quantize_per_tensor_affine(x, 0.07, 3, -8, 7),
    "trunc": lambda x: (x * 9).trunc(),
    "frac": lambda x: (x * 9).frac(),
    "decimals": lambda x: x.round(decimals=1),
    "tens": lambda x: (x * 99).round(decimals=-1),
    "floored": lambda x: torch.floor_divide(x, 0.25),
    "truncated": lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
    "remainder": lambda x: (x * 9) % -2,
    "fmod": lambda x: torch.fmod(x * 9, 2),
    "hardshrink": lambda x: F.hardshrink(torch.log(x), 1.5),
    "softshrink": lambda x: F.softshrink(torch.floor(x * 9) / 0, 0.25),
    "softshrink_near": lambda x: F.softshrink(x, 0.25),
    "threshold": lambda x: F.threshold(torch.floor(x * 9) / 0, 0.5, -3),
    "threshold_above": lambda x: F.threshold(x, 0.25, 0.75),
    "nan_to_num": lambda x: (torch.floor(x * 3) / 0).nan_to_num(-2.5),
    "choice": lambda x: torch.where(x > 0, 1 / x, x),
    "choice_of_infinity": lambda x: torch.where(x > 0, float("inf"), x),
    "norm": lambda x: x.norm(float("inf"), dim=1, keepdim=True) - x,
}
LIBRARY = ("hardshrink",)


@pytest.mark.parametrize("name", EXACT)
def test_an_operator_gives_the_numbers_of_torch(name: str):
    network = nn.Sequential(nn.Flatten(), Call(EXACT[name])).eval()
    grey = Preprocessing([1 / 128], [-1.0], (8, 8))
    pixels = np.random.default_rng(0).permutation(np.arange(256, dtype=np.uint8))
    images = pixels.reshape(4, 8, 8, 1)
    packed = pack(network, grey)
    wanted = network(torch.from_numpy(images[..., 0]).float() / 128 - 1).numpy()
    tolerance = 1e-6 if name in LIBRARY else 0
    np.testing.assert_allclose(Engine(packed).scores(images), wanted, rtol=tolerance)
    assert packed.info["exact"] or name in LIBRARY


BEFORE_A_SIGN: dict[str, Function] = {
    "remainder": lambda x: x - torch.floor_divide(x, 3) * 3,
    "floor": lambda x: torch.floor_divide(x, 3) + 0.5,
    "div": lambda x: torch.div(x, 7, rounding_mode="floor") + 0.5,
    "sinh": lambda x: x.sinh() - 1,
    "asin": lambda x: (x / 64).asin() - 0.1,
    "atanh": lambda x: (x / 64).atanh() - 0.1,
}


@pytest.mark.parametrize("name", BEFORE_A_SIGN)
def test_a_function_that_packs_before_a_sign_alone(name: str):
    attack(lambda: Between(BEFORE_A_SIGN[name]))
    attack(lambda: Real(BEFORE_A_SIGN[name]), refused="used as a real number")


def test_constants_of_one_size_and_bits_are_bits():
    class Joined(Between):
        def __init__(self):
            super().__init__(self.joined, 18, nn.Identity())

        @staticmethod
        def joined(x: Tensor) -> Tensor:
            signs = PlusMinus.apply(x)
            return torch.cat([signs, constant(x, 1), constant(x, -1)], 1)  # pyright: ignore

    attack(Joined, integers=True)
    packed = pack(Joined().eval(), Preprocessing([1 / 128] * 3, [-1.0] * 3, (12, 12)))
    assert "conv_f32_bits" not in [node.op for node in packed.nodes]


def test_sums_of_truths_and_of_numbers_are_told_apart():
    attack(lambda: Real(lambda x: x * x.any(1, keepdim=True)), refused="not truth values")


@pytest.mark.parametrize(
    "attend",
    [
        lambda x: F.scaled_dot_product_attention(x, x, x),
        lambda x: torch.softmax(x @ x.mT, -1) @ x,
        lambda x: torch.einsum("nck,ndk->ncd", x, x),
    ],
    ids=["function", "hand", "einsum"],
)
def test_attention_is_refused_by_its_name(attend: Function):
    attack(lambda: Real(lambda x: attend(x.flatten(2)).mean(2)), refused="which attention does")


class Attends(nn.Module):
    """torch.nn's attention over the positions of a map."""

    def __init__(self, batch_first: bool, need_weights: bool):
        super().__init__()
        self.conv = BConv2d(3, 16, 3)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=batch_first)
        self.need_weights, self.fc = need_weights, BLinear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        first = self.attention.batch_first
        x = self.conv(x).flatten(2).permute(*((0, 2, 1) if first else (2, 0, 1)))
        x = self.attention(x, x, x, need_weights=self.need_weights)[0]
        return self.fc(x.mean(1 if first else 0))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("need_weights", [False, True])
def test_a_module_of_attention_is_refused_by_its_name(batch_first: bool, need_weights: bool):
    attack(lambda: Attends(batch_first, need_weights), refused="attention .*which attention does")


def test_a_batch_among_the_columns_is_refused():
    def middle(x: Tensor) -> Tensor:
        return torch.einsum("ok,nkl->nol", WEIGHT, columns(x)).view(-1, 16, 12, 12)

    attack(lambda: Real(middle), refused="name the value first")


def test_random_slopes_are_refused():
    attack(lambda: Real(lambda x: F.rrelu(x, training=True)), refused="draws random")
