"""Foreign networks and layers, before and after they are adopted."""

import random
import re
import sys

import numpy as np
import pytest
import torch
from convert.conftest import IMAGE, NETWORKS, warmed
from convert.foreign import binarynet, others, refused, rules, xnornet
from torch import nn
from torch.nn.utils import parametrize

from signbit.convert import adopt
from signbit.convert._probes import Draw
from signbit.convert._rules import scale_rules
from signbit.errors import AdoptError, SignbitError, UsageError
from signbit.layers import BinaryConv2d, BinaryLayer
from signbit.quantizers import PlusSign, RuleSign, SteSign, TorchSign


def state_of(model: nn.Module) -> list[torch.Tensor]:
    """Parameters, buffers, and what is attached to parameters."""
    attached = [
        value
        for parameter in model.parameters()
        for value in vars(parameter).values()
        if isinstance(value, torch.Tensor)
    ]
    return [tensor.clone() for tensor in [*model.state_dict().values(), *attached]]


@torch.no_grad()
def assert_alike(before: nn.Module, after: nn.Module, x: torch.Tensor) -> None:
    wanted, given = before(x.clone()), after(x.clone())
    torch.testing.assert_close(given, wanted, rtol=0, atol=2e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_the_same_and_stays_as_it_was(name):
    kind, shape = NETWORKS[name]
    network = warmed(kind(), shape)
    before, example, random_state = state_of(network), torch.randn(2, *shape), torch.get_rng_state()
    adopted, report = adopt(network, example)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.get_default_dtype() is torch.float32
    for one, other in zip(before, state_of(network), strict=True):
        assert torch.equal(one, other)
    assert {one.dtype for one in report.compared} <= {"float64"}
    for x in (torch.randn(5, *shape), torch.randn(5, *shape).round(), torch.zeros(1, *shape)):
        assert_alike(network, adopted, x)
    foreign = {type(m).__name__ for m in adopted.modules() if "foreign" in type(m).__module__}
    assert not {kind for kind in foreign if re.search("Conv|Linear|Activation", kind)} - {
        "BinConv2d"  # of XNOR-Net: a block with a plain layer, which needs no adoption
    }


def changes_of(network: nn.Module, *shape: int):
    adopted, report = adopt(network, torch.randn(2, *shape))
    return adopted, {one.path: one for one in report.changes}


def test_first_and_later_layers_of_one_class_differ_in_their_input():
    adopted, changes = changes_of(warmed(binarynet.Vgg(), IMAGE), *IMAGE)
    first, second = (adopted.get_submodule(f"features.{place}") for place in (0, 3))
    assert isinstance(first, BinaryConv2d)
    assert isinstance(second, BinaryConv2d)
    assert first.input_quantizer is None
    assert isinstance(second.input_quantizer, TorchSign)
    assert isinstance(first.weight_quantizer, TorchSign)
    assert "input as it is" in changes["features.0"].reason


def test_latent_weights_are_those_that_training_changes():
    network = warmed(binarynet.Vgg(), IMAGE)
    weight = network.get_parameter("features.3.weight")
    adopted, _ = adopt(network, torch.randn(2, *IMAGE))
    assert weight.abs().unique().tolist() == [1.0]
    assert torch.equal(adopted.get_parameter("features.3.weight"), vars(weight)["org"])


def test_weights_of_code_that_only_holds_signs_are_adopted_as_well():
    network = warmed(binarynet.Vgg(), IMAGE)
    loaded = binarynet.Vgg()
    loaded.load_state_dict(network.state_dict())
    adopted, _ = adopt(loaded.eval(), torch.randn(2, *IMAGE))
    assert_alike(network, adopted, torch.randn(4, *IMAGE))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            xnornet.BinaryConv(6, 5, 3, padding=1),
            RuleSign("position", 0, scale_centre="position", scale_clip=1.0),
        ),
        (others.PadFirst(6, 4, (3, 3), zero=-1), SteSign()),
        (others.PadFirst(6, 4, (2, 3), value=-1.0, parts=2, spread=2), PlusSign()),
        (others.PadFirst(4, 6, (5,), step=2, rim=2), PlusSign()),
    ],
)
def test_the_rule_of_a_weight_becomes_the_quantizer_that_says_so(layer, expected):
    rank = 1 if isinstance(layer, others.PadFirst) and layer.kern.ndim == 3 else 2
    network = nn.Sequential(layer)
    shape = (6 if rank == 2 else 4, *[12] * rank)
    adopted, _ = adopt(network, torch.randn(2, *shape))
    assert isinstance(adopted[0], BinaryLayer)  # pyright: ignore[reportIndexIssue]
    assert repr(adopted[0].weight_quantizer) == repr(expected)  # pyright: ignore
    assert_alike(network, adopted, torch.randn(3, *shape).round())


@pytest.mark.parametrize(("value", "zero"), [(0.0, 1), (0.0, -1), (1.0, -1), (-1.0, 1)])
def test_padding_before_the_sign_is_padding_with_the_sign_of_that(value, zero):
    network = nn.Sequential(others.PadFirst(4, 4, (3, 3), value=value, zero=zero))
    adopted, _ = adopt(network, torch.randn(2, 4, 9, 9))
    layer = adopted.get_submodule("0")
    assert isinstance(layer, BinaryConv2d)
    assert layer.padding_value == (value if value else zero)


def drawn(seed: int) -> tuple[rules.AnyConv, int]:
    """A layer of drawn parts. A weight less its own mean, alone, would be nothing."""
    draw = random.Random(seed)
    parts = draw.choice([1, 1, 1, 2, 4])
    inputs, outputs = parts * draw.choice([2, 3]), parts * draw.choice([2, 5])
    weighed = draw.choice(rules.INPUTS)
    options = {
        "step": draw.choice([1, 2, 3]),
        "rim": draw.choice([0, 1, 2]),
        "spread": draw.choice([1, 1, 2]),
        "parts": parts,
        "taken": draw.choice(rules.INPUTS),
        "weighed": weighed,
        "centre": draw.choice(rules.CENTRES) if weighed != "real" else None,
        "scale": draw.choice(rules.SCALES if weighed != "real" else ("none", "learned")),
        "whole": draw.random() < 0.3,
        "bias": draw.choice(rules.BIASES),
        "rim_value": draw.choice([None, 0.0, 1.0, -1.0]),
    }
    taps = draw.choice([(3, 3), (2, 2), (3, 1), (5, 5), (1, 4)])
    return rules.AnyConv(inputs, outputs, taps, **options), inputs


@pytest.mark.parametrize("seed", range(32))
def test_a_layer_of_drawn_rules_computes_the_same(seed):
    torch.manual_seed(seed)
    layer, inputs = drawn(seed)
    network = nn.Sequential(layer)
    adopted, report = adopt(network, torch.randn(2, inputs, 11, 12))
    assert report.changes[0].difference is not None, (seed, report)
    for x in (torch.randn(2, inputs, 12, 11), torch.randn(2, inputs, 12, 11).round()):
        assert_alike(network, adopted, x)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (refused.InputScaled, "no rule for its input and weight; nearest: "),
        (refused.Stochastic, "random in eval mode"),
        (refused.OfTheBatch, "depends on the others of the batch"),
        (refused.Ternary, "no rule for its input and weight; nearest: "),
        (refused.Threshold, "but not by the sign of the input"),
        (refused.Drifting, "changes from call to call"),
        (refused.LargestScale, "no rule for its scale; nearest: scale mean |v|"),
    ],
)
def test_what_no_layer_computes_is_refused_by_name(kind, says):
    network = nn.Sequential(nn.BatchNorm2d(4), kind(4, 6, 3, padding=1)).eval()
    with pytest.raises(AdoptError, match=rf"^1 \({kind.__name__}\): .*keep=\['1'\]$") as error:
        adopt(network, torch.randn(2, 4, 8, 8))
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    adopted, report = adopt(network, torch.randn(2, 4, 8, 8), keep=["1"])
    assert type(adopted.get_submodule("1")) is kind
    assert not report.changes


def test_a_weight_that_would_take_too_much_memory_is_refused_or_stays(monkeypatch):
    monkeypatch.setattr(sys.modules["signbit.convert.adopt"], "_MOST_NUMBERS", 4 * 6 * 9 - 1)
    network = nn.Sequential(others.Wrapper(4, 6, 3), others.QuantConv2d(6, 4, 3))
    says = r"^1 \(QuantConv2d\): its weight has 216 numbers; at most 215 can be .*keep=\['1'\]$"
    with pytest.raises(AdoptError, match=says):
        adopt(network, torch.randn(2, 4, 8, 8))
    _, report = adopt(network, torch.randn(2, 4, 8, 8), keep=["1"])
    assert {one.path: one.reason for one in report.changes}["0"].startswith("its weight has 216")


def test_scales_that_share_their_means_are_those_of_the_quantizer():
    draw = Draw()
    for weight in (draw.normal((5, 3, 3, 3)), draw.normal((4, 7)), draw.normal((5, 3, 3, 3))):
        for named in scale_rules({}, {}, len(weight)):
            if named.options:
                wanted = RuleSign(**named.options).scale(weight)
                assert wanted is not None
                torch.testing.assert_close(named.value({}, weight), wanted.flatten())


def test_a_module_that_writes_an_input_that_is_read_again_is_refused():
    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = binarynet.BinarizeConv2d(4, 4, 3, padding=1)

        def forward(self, x):
            x = x * 1.5
            return self.conv(x) + x

    with pytest.raises(AdoptError, match=r"differs on the example .* x\.clone\(\)$"):
        adopt(Shortcut(), torch.randn(2, 4, 8, 8))


def test_real_foreign_layers_stay_and_the_report_says_why():
    class Smoothed(nn.Conv2d):
        def forward(self, x):
            return torch.tanh(self._conv_forward(x, self.weight, self.bias))

    network = nn.Sequential(Smoothed(3, 4, 3))
    adopted, report = adopt(network, torch.randn(2, *IMAGE))
    assert type(adopted.get_submodule("0")) is Smoothed
    assert report.changes[0].reason.startswith("not binary: no rule")
    assert "Smoothed" in str(report)


def test_a_module_in_two_places_is_replaced_in_both():
    network = nn.Sequential(others.Wrapper(4, 4, 3, padding=1), nn.ReLU())
    network.append(network[0])
    adopted, report = adopt(network, torch.randn(2, 4, 6, 6))
    assert adopted.get_submodule("0") is adopted.get_submodule("2")
    assert len(report.changes) == 1
    assert_alike(network, adopted, torch.randn(2, 4, 6, 6))


def test_parametrized_and_hooked_layers_are_foreign_too():
    class Signs(nn.Module):
        def forward(self, weight):
            return weight.sign()

    def take_signs(module, args):
        args[0].data = args[0].data.sign()

    layer = nn.Linear(12, 7)
    parametrize.register_parametrization(layer, "weight", Signs())
    layer.register_forward_pre_hook(take_signs)
    network = nn.Sequential(layer)
    adopted, report = adopt(network, torch.randn(2, 12))
    assert report.changes[0].reason.startswith("sign of the input, sign(0) = 0; sign of the weight")
    assert_alike(network, adopted, torch.randn(9, 12).round())


def test_code_that_leaves_torch_is_asked_in_float32():
    class InNumpy(nn.Conv2d):
        def forward(self, x):
            weight = np.where(self.weight.detach().numpy() >= 0, 1, -1).astype(np.float32)
            x = torch.from_numpy(np.sign(x.detach().numpy()).astype(np.float32))
            return self._conv_forward(x, torch.from_numpy(weight), self.bias)

    network = nn.Sequential(InNumpy(3, 6, 3, stride=2, padding=1))
    adopted, report = adopt(network, torch.randn(2, *IMAGE))
    assert report.changes[0].reason.startswith("sign of the input, sign(0) = 0; sign of the weight")
    assert {one.dtype for one in report.compared} == {"float32"}
    assert_alike(network, adopted, torch.randn(2, *IMAGE).round())


def test_a_block_that_is_no_layer_stays_even_where_it_is_random():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.conv(x + torch.randn_like(x))

    network = nn.Sequential(Noisy(), nn.Flatten())
    adopted, report = adopt(network, torch.randn(2, *IMAGE))
    assert type(adopted.get_submodule("0")) is Noisy
    assert "random" in report.changes[0].reason


class _Scale(nn.Module):
    def forward(self, scale):
        return scale.abs()


class _Scaled(nn.Module):
    """As in an activation of Brevitas, a module inside gets the scale, one number."""

    def __init__(self):
        super().__init__()
        self.scale = _Scale()

    def forward(self, x):
        return x * self.scale(torch.tensor(0.5))


def test_a_module_that_gets_one_number_is_no_sign_and_stays():
    adopted, report = adopt(nn.Sequential(_Scaled()).eval(), torch.randn(1, 3, 6, 6))
    assert isinstance(adopted.get_submodule("0.scale"), _Scale)
    assert report.rows() == []


def test_layers_of_torch_and_ours_are_left_alone():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), BinaryConv2d(4, 4, 3), nn.Flatten())
    adopted, report = adopt(network.train(), torch.randn(2, *IMAGE))
    assert not report.changes
    assert adopted.training
    assert_alike(network, adopted, torch.randn(2, *IMAGE))


def test_the_root_may_be_the_layer_itself():
    layer = binarynet.BinarizeLinear(12, 5)
    adopted, report = adopt(layer, torch.randn(2, 12))
    assert isinstance(adopted, BinaryLayer)
    assert report.changes[0].path == ""
    assert_alike(layer, adopted, torch.randn(4, 12))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda n: adopt(n, torch.randn(2, 5, 8, 8)), "the network fails on the example"),
        (lambda n: adopt(n, torch.randn(2, *IMAGE), keep=["head"]), r"keep='head' matches no"),
        (lambda n: adopt(n.to("meta"), torch.randn(2, *IMAGE)), "not on the CPU; call cpu"),
    ],
)
def test_wrong_arguments_are_one_line(make, says):
    with pytest.raises(SignbitError, match=says) as error:
        make(binarynet.Vgg())
    assert isinstance(error.value, AdoptError | UsageError)
    assert "\n" not in str(error.value)
