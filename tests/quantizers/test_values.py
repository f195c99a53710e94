"""Each quantizer's outputs and gradients, in a table of the inputs where they turn."""

import math

import pytest
import torch

from signbit.errors import InputTypeError, UsageError
from signbit.quantizers import (
    AbstractQuantizer,
    AdabinSign,
    ApproxSign,
    EdeSign,
    Identity,
    PlusSign,
    Relu,
    ResteSign,
    SteSign,
    StochasticSign,
    SwishSign,
    TorchSign,
    approx_sign,
    create,
    ede_sign,
    plus_sign,
    reste_sign,
    ste_sign,
    swish_sign,
    torch_sign,
)

INF, NAN = math.inf, math.nan
TINY = 2.0**-149  # the smallest positive float32, a subnormal
ABOVE = 1 + 2.0**-23  # the float32 after 1
BELOW = 1 - 2.0**-24  # the float32 before 1

SIGNS = [
    (0.0, -1),
    (-0.0, -1),
    (TINY, +1),
    (-TINY, -1),
    (0.5, +1),
    (-0.5, -1),
    (1.0, +1),
    (-1.0, -1),
    (3e38, +1),
    (-3e38, -1),
    (INF, +1),
    (-INF, -1),
    (NAN, -1),
]

STE = [(0.0, 1), (-0.0, 1), (TINY, 1), (1.0, 1), (-1.0, 1), (BELOW, 1), (ABOVE, 0), (-ABOVE, 0)]
FAR = [(3e38, 0), (-3e38, 0), (INF, 0), (-INF, 0), (NAN, 0)]
TRIANGLE = [(0.0, 2), (-0.0, 2), (0.25, 1.5), (-0.25, 1.5), (0.5, 1), (1.0, 0), (-1.0, 0)]
UNCLIPPED = [(x, 1) for x in (0.0, -0.0, 1.0, -5.0, 3e38, INF, -INF, NAN)]

ROOT = [(0.0, 2), (0.25, 2), (-0.25, 2), (1.0, 0.5), (-1.0, 0.5), (4.0, 0.25), (4.0 + 2**-21, 0)]


def at(progress: float, quantizer: AbstractQuantizer) -> AbstractQuantizer:
    quantizer.set_progress(progress)
    return quantizer


GRADIENTS = [
    (SteSign(), STE + FAR),
    (SteSign(clip=0.5), [(0.5, 1), (-0.5, 1), (0.5 + 2**-24, 0), (1.0, 0), *FAR]),
    (SteSign(clip=2), [(2.0, 1), (-2.0, 1), (2.0 + 2**-22, 0), *FAR]),
    (SteSign(clip=None), UNCLIPPED),
    (StochasticSign(), STE + FAR),
    (StochasticSign(clip=None), UNCLIPPED),
    (StochasticSign().eval(), STE + FAR),
    (ApproxSign(), [*TRIANGLE, (ABOVE, 0), (-ABOVE, 0), *FAR]),
    (SwishSign(), [(0.0, 5), (-0.0, 5), *FAR]),
    (SwishSign(beta=2), [(0.0, 2), *FAR]),
    (EdeSign(), [(0.0, 1), (-0.0, 1), *FAR]),
    (at(0.5, EdeSign()), [(0.0, 1), (10.0, 0), *FAR]),
    (at(1, EdeSign()), [(0.0, 10), (-0.0, 10), (1.0, 0), (-1.0, 0), *FAR]),
    (at(1, EdeSign(start=2, end=4)), [(0.0, 4), *FAR]),
    (ResteSign(), [(0.0, 1), (0.05, 1), (1.5, 1), (-1.5, 1), (1.5 + 2**-23, 0), *FAR]),
    # |x|^(1/2 - 1) / 2, held at 0.25^(1/2 - 1) near zero
    (at(1, ResteSign(o_end=2, near=0.25, clip=4)), [*ROOT, *FAR]),
    (AdabinSign(), [*TRIANGLE, (ABOVE, 0), (-ABOVE, 0), *FAR]),
    (Identity(), UNCLIPPED),
    (
        Relu(),
        [(0.0, 0), (-0.0, 0), (TINY, 1), (-TINY, 0), (3e38, 1), (INF, 1), (-INF, 0), (NAN, 1)],
    ),
]


def gradient_of(quantizer: AbstractQuantizer, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(quantizer(x).sum(), x)
    return gradient


@pytest.mark.parametrize(
    "quantizer",
    [
        SteSign(),
        SteSign(clip=None),
        ApproxSign(),
        SwishSign(),
        StochasticSign().eval(),
        EdeSign(),
        ResteSign(),
        AdabinSign(),
    ],
    ids=repr,
)
def test_sign_is_plus_one_above_zero_and_minus_one_elsewhere(quantizer):
    x, expected = (torch.tensor(column, dtype=torch.float32) for column in zip(*SIGNS, strict=True))
    assert quantizer(x).tolist() == expected.tolist()


def test_stochastic_sign_is_certain_outside_the_unit_interval():
    sure = torch.tensor([-1.0, -ABOVE, -INF, NAN, 1.0, ABOVE, INF]).repeat(2000, 1)
    assert (StochasticSign()(sure) == torch.tensor([-1.0] * 4 + [1.0] * 3)).all()


def test_identity_returns_what_came():
    x = torch.tensor([-0.0, INF, -3.5])
    assert Identity()(x).tolist() == x.tolist()
    assert torch.signbit(Identity()(x)).tolist() == [True, False, True]


@pytest.mark.parametrize(("quantizer", "table"), GRADIENTS, ids=lambda value: repr(value)[:40])
def test_pseudo_gradient_is_the_documented_one(quantizer, table):
    x, expected = (torch.tensor(column, dtype=torch.float32) for column in zip(*table, strict=True))
    assert gradient_of(quantizer, x).tolist() == expected.tolist()


@pytest.mark.parametrize("quantizer", [SteSign(), ApproxSign(), SwishSign(), Identity()], ids=repr)
def test_pseudo_gradient_is_multiplied_with_the_incoming_one(quantizer):
    x = torch.tensor([-0.3, 0.0, 0.7], dtype=torch.float64, requires_grad=True)
    incoming = torch.tensor([2.0, -3.0, 0.5], dtype=torch.float64)
    quantizer(x).backward(incoming)
    assert x.grad is not None
    assert torch.equal(x.grad, incoming * gradient_of(quantizer, x.detach()))


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str
)
def test_the_gradient_reaches_a_weight_at_a_clip_that_its_type_rounds(dtype):
    clip = torch.tensor(0.3, dtype=dtype)
    beyond = (clip.double() * (1 + torch.finfo(dtype).eps)).to(dtype)
    assert beyond > clip
    # Many, because torch computes the last few numbers of a tensor in another way.
    x = torch.stack([clip, -clip, beyond, -beyond]).repeat(9).requires_grad_()
    (gradient,) = torch.autograd.grad(SteSign(clip=0.3)(x).sum(), x)
    assert gradient.tolist() == [1, 1, 0, 0] * 9


def test_an_infinite_incoming_gradient_does_not_leak_past_the_clip():
    x = torch.tensor([0.0, 2.0], requires_grad=True)
    ste_sign(x).backward(torch.tensor([INF, INF]))
    assert x.grad is not None
    assert x.grad.tolist() == [INF, 0.0]


@pytest.mark.parametrize("beta", [1.0, 5.0, 12.5])
def test_swish_sign_gradient_is_the_derivative_of_sign_swish(beta):
    def sign_swish(x):  # BNN+, equation 5
        sigmoid = torch.sigmoid(beta * x)
        return 2 * sigmoid * (1 + beta * x * (1 - sigmoid)) - 1

    x = torch.linspace(-4, 4, 801, dtype=torch.float64)
    step = 1e-6
    numeric = (sign_swish(x + step) - sign_swish(x - step)) / (2 * step)
    # A central difference of step h is wrong by h^2 f'''/6, under 1e-9 here, and by rounding.
    torch.testing.assert_close(gradient_of(SwishSign(beta), x), numeric, rtol=0, atol=2e-8)


@pytest.mark.parametrize("alpha", [0.5, -2.0])
def test_adabin_sign_gives_its_two_values_with_the_gradients_of_the_paper(alpha):
    quantizer = AdabinSign().double()
    quantizer.get_parameter("alpha").data.fill_(alpha)
    quantizer.get_parameter("beta").data.fill_(0.25)
    x = torch.linspace(-3, 3, 61, dtype=torch.float64, requires_grad=True)
    y = quantizer(x)
    sign, size = torch.where(x > 0.25, 1.0, -1.0), abs(alpha)
    assert torch.equal(y, 0.25 + size * sign)
    incoming = torch.randn(61, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = torch.autograd.grad(y, [x, *quantizer.parameters()], incoming)
    z = (x.detach() - 0.25) / size
    g = (2 - 2 * z.abs()).clamp_min(0)
    torch.testing.assert_close(found[0], incoming * g)
    torch.testing.assert_close(
        found[1], math.copysign(1, alpha) * (incoming * (sign - g * z)).sum()
    )
    torch.testing.assert_close(found[2], (incoming * (1 - g)).sum())


def test_adabin_sign_survives_a_distance_of_zero():
    quantizer = AdabinSign()
    quantizer.get_parameter("alpha").data.zero_()
    x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    y = quantizer(x)
    y.sum().backward()
    assert y.abs().max() < 1e-5
    assert x.grad is not None
    assert x.grad.isfinite().all()
    gradient = quantizer.get_parameter("alpha").grad
    assert gradient is not None
    assert gradient.isfinite()


@pytest.mark.parametrize("t", [0.1, 0.5, 1.0, 3.0, 10.0])
def test_ede_sign_gradient_is_the_derivative_of_k_tanh(t):
    x = torch.linspace(-4, 4, 801, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad((max(1 / t, 1) * torch.tanh(t * x)).sum(), x)
    (found,) = torch.autograd.grad(ede_sign(x, torch.tensor(t, dtype=torch.float64)).sum(), x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("o", [1.0, 1.7, 3.0])
def test_reste_sign_gradient_is_the_derivative_of_the_root_between_its_cuts(o):
    x = torch.linspace(0.11, 1.49, 70, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad((x ** (1 / o)).sum(), x)
    root = torch.tensor(o, dtype=torch.float64)
    for sign in (1, -1):
        (found,) = torch.autograd.grad(reste_sign(sign * x, root).sum(), x)
        torch.testing.assert_close(sign * found, expected)


def test_sharpness_rises_as_in_the_papers():
    """IR-Net: t = 10^(-1 + 2 progress). ReSTE: o = 1 + 2 (1 - cos(progress pi / 2))."""
    for progress, t, o in [(0, 0.1, 1), (0.25, 10**-0.5, None), (0.5, 1, 3 - 2**0.5), (1, 10, 3)]:
        assert at(progress, EdeSign()).get_buffer("t").item() == pytest.approx(t)
        assert o is None or at(progress, ResteSign()).get_buffer("o").item() == pytest.approx(o)


def test_swish_sign_gradient_is_even_and_changes_sign_once():
    x = torch.linspace(0, 10, 1001, dtype=torch.float64)
    gradient = gradient_of(SwishSign(), x)
    assert torch.equal(gradient, gradient_of(SwishSign(), -x))
    positive = gradient > 0
    assert positive[0]
    assert (positive[1:].int() <= positive[:-1].int()).all()
    assert gradient.min() < 0


def test_functions_and_classes_agree():
    x = torch.linspace(-2, 2, 41)
    for function, quantizer in [
        (ste_sign, SteSign()),
        (approx_sign, ApproxSign()),
        (swish_sign, SwishSign()),
    ]:
        assert torch.equal(function(x), quantizer(x))


@pytest.mark.parametrize("value", [0, -1.0, NAN, INF, "1", True])
@pytest.mark.parametrize(
    ("kind", "option"),
    [
        (SteSign, "clip"),
        (StochasticSign, "clip"),
        (SwishSign, "beta"),
        (EdeSign, "start"),
        (EdeSign, "end"),
        (ResteSign, "o_end"),
        (ResteSign, "near"),
        (ResteSign, "clip"),
    ],
)
def test_an_option_that_is_no_positive_number_is_refused(kind, option, value):
    with pytest.raises(UsageError, match=f"^{option} is {value!r}; give a positive, finite number"):
        kind(**{option: value})


def test_a_root_below_one_or_a_cut_past_the_other_is_refused():
    with pytest.raises(UsageError, match=r"o_end is 0.5; give 1 or more"):
        ResteSign(o_end=0.5)
    with pytest.raises(UsageError, match=r"near is 2; give a number below clip, which is 1.5"):
        ResteSign(near=2)


def test_beta_has_no_none():
    with pytest.raises(UsageError, match="beta is None"):
        create("swish_sign", beta=None)


def test_create_names_the_closest_quantizer_and_option():
    with pytest.raises(UsageError, match=r"unknown quantizer 'ste-sign'.*Did you mean 'ste_sign'"):
        create("ste-sign")
    with pytest.raises(UsageError, match=r"option of quantizer 'ste_sign' 'clp'.*mean 'clip'"):
        create("ste_sign", clp=1)


def test_create_takes_name_and_options_in_a_mapping():
    chosen = {"name": "ste_sign", "clip": 2.0}
    one, two = create(chosen), create(chosen)
    assert repr(one) == "SteSign(clip=2.0)"
    assert one is not two
    assert chosen == {"name": "ste_sign", "clip": 2.0}
    assert repr(create(chosen, clip=3.0)) == "SteSign(clip=3.0)"
    with pytest.raises(UsageError, match=r"^quantizer {'clip': 2.0} has no name; give"):
        create({"clip": 2.0})
    with pytest.raises(UsageError, match=r"option of quantizer 'ste_sign' 'clp'.*mean 'clip'"):
        create({"name": "ste_sign", "clp": 1})


def test_create_passes_objects_and_none_through():
    quantizer = SteSign()
    assert create(quantizer) is quantizer
    assert create(None) is None
    with pytest.raises(
        UsageError, match=r"options \['clip'\] were given with a quantizer that is not a name"
    ):
        create(quantizer, clip=1)
    with pytest.raises(InputTypeError, match="the quantizer is of type int"):
        create(3)  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_plus_sign_and_torch_sign_differ_from_ste_sign_at_zero_alone():
    x = torch.tensor([column[0] for column in SIGNS], dtype=torch.float32)
    wanted = torch.tensor([column[1] for column in SIGNS], dtype=torch.float32)
    zero = x == 0
    assert plus_sign(x).tolist() == wanted.where(~zero, 1).tolist()
    assert torch_sign(x).tolist() == wanted.where(~zero & ~x.isnan(), 0).tolist()
    assert (PlusSign().binary, TorchSign().binary) == (True, False)


@pytest.mark.parametrize("kind", [PlusSign, TorchSign])
def test_their_gradient_is_that_of_ste_sign(kind):
    x = torch.tensor([0.0, -0.0, 1.0, ABOVE, -0.5, INF, NAN])
    for clip in (1.0, 0.4, None):
        assert torch.equal(gradient_of(kind(clip), x), gradient_of(SteSign(clip), x))
