"""Rules of other packages: for operators of their own, and for those of ATen that have none."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.grey import GREY, body
from torch import Tensor, nn

import signbit
from signbit.errors import PackError
from signbit.layers import BinaryConv2d
from signbit.pack import pack
from signbit.pack.rules import Placed, RealForm, RealNode, RuleCall, chain, pointwise, rules
from signbit.runtime.engine import Engine

LIBRARY = "signbit_tests"


@torch.library.custom_op(f"{LIBRARY}::step", mutates_args=())
def step(x: Tensor, low: float) -> Tensor:
    return torch.where(x > 0.5, 1.0, low)


@torch.library.custom_op(f"{LIBRARY}::relu", mutates_args=())
def relu(x: Tensor) -> Tensor:
    """Of the name of another operator, and not the same."""
    return 2 * x.relu()


@torch.library.custom_op(f"{LIBRARY}::halve", mutates_args=("x",))
def halve(x: Tensor) -> None:
    x.mul_(0.5)


@torch.library.custom_op(f"{LIBRARY}::images_only", mutates_args=())
def images_only(x: Tensor) -> Tensor:
    if x.ndim != 4:
        raise ValueError("four dimensions, please\nor nothing")
    return x + 1


@torch.library.custom_op(f"{LIBRARY}::half", mutates_args=())
def half(x: Tensor) -> Tensor:
    return x[:, ::2].clone()


class Runs(nn.Module):
    def __init__(self, run):
        super().__init__()
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


@pytest.fixture(autouse=True)
def own_rules():
    """Rules of a test are gone after it."""
    torch.manual_seed(0)
    rules.names()
    before = rules._entries.copy(), rules._owners.copy()
    yield
    rules._entries, rules._owners = before


def network(run, channels: int = 8) -> nn.Module:
    return body(
        BinaryConv2d(1, 8, 3, padding=1, input_quantizer=None),
        nn.BatchNorm2d(8),
        Runs(run),
        nn.Conv2d(channels, 4, 3),
        features=144,
    )


def assert_packs(run, channels: int = 8) -> list[str]:
    """The scores are those of torch; the operations of the packed network."""
    model = network(run, channels)
    packed = pack(model, GREY)
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype(np.uint8)
    with torch.no_grad():
        wanted = model(torch.from_numpy(images).permute(0, 3, 1, 2) / 128 - 1).numpy()
    np.testing.assert_allclose(Engine(packed).scores(images), wanted, rtol=1e-4, atol=1e-5)
    return [node.op for node in packed.nodes]


def refusal(run, channels: int = 8) -> str:
    with pytest.raises(PackError) as found:
        pack(network(run, channels), GREY)
    assert "\n" not in str(found.value)
    return str(found.value)


def test_an_operator_without_a_rule_is_named_with_its_library():
    assert f"{LIBRARY}::step cannot be packed" in refusal(lambda x: step(x, -1.0))


def test_an_operator_that_is_called_like_one_of_aten_has_no_rule_by_that():
    assert f"{LIBRARY}::relu cannot be packed" in refusal(relu)


def test_a_package_whose_name_begins_like_ours_has_its_lines_told():
    place = f"{Path(signbit.__file__).parent}_more/layer.py"
    code: dict[str, Any] = {}
    exec(compile("def run(x):\n    return step(x, 0.0)", place, "exec"), {"step": step}, code)
    assert re.match(r"2 \(layer\.py:2\): ", refusal(code["run"]))


def test_a_step_of_two_values_becomes_bits():
    @rules.register(f"{LIBRARY}::step")
    def rule(c: RuleCall) -> Placed:
        return pointwise(c, {"x": 1.0 if c.number("low") <= 1 else -1.0}, stepwise=True)

    for low in (-1.0, 0.25, 3.0):
        assert "threshold" in assert_packs(lambda x, low=low: step(x, low))


def test_an_operator_of_real_numbers_becomes_packed_operations():
    @rules.register(f"{LIBRARY}::relu")
    def rule(c: RuleCall) -> Placed:
        double = RealNode("affine", {}, {"scale": torch.tensor(2.0), "bias": torch.tensor(0.0)})
        bounds = {"low": 0.0, "high": float("inf")}
        return pointwise(c, {"x": 1.0}, lambda: chain(RealNode("clamp", bounds), double))

    assert "clamp" in assert_packs(relu)


def test_an_operator_of_aten_that_has_none_may_get_one():
    assert "hypot cannot be packed" in refusal(lambda x: torch.hypot(x, torch.ones(())))

    @rules.register("hypot")
    def rule(c: RuleCall) -> Placed:
        square = RealNode("binary", {"function": "multiply"})
        plus = {"scale": torch.tensor(1.0), "bias": c.constant("other").square()}
        root = RealNode("unary", {"function": "sqrt"})
        form = RealForm((0, 0), (square, RealNode("affine", {}, plus), root))
        return pointwise(c, form=lambda: form)

    assert "unary" in assert_packs(lambda x: torch.hypot(x, torch.ones(())))


def test_any_operation_of_the_packed_format_may_be_the_result():
    @rules.register(f"{LIBRARY}::relu")
    def rule(c: RuleCall) -> Placed:
        x = c.map("x")
        rising = c.real("clamp", [x], x.size, low=0.0, high=float("inf"))
        return c.usual(c.real("add", [rising, rising], x.size))

    assert "add" in assert_packs(relu)


def wrong(c: RuleCall) -> Placed:
    """Says relu, where it is twice that."""
    bounds = {"low": 0.0, "high": float("inf")}
    return pointwise(c, {"x": 1.0}, lambda: chain(RealNode("clamp", bounds)))


def raising(c: RuleCall) -> Placed:
    raise KeyError("gone")


def refusing(c: RuleCall) -> Placed:
    c.refuse("only on Sundays")


def other_shape(c: RuleCall) -> Placed:
    x = c.map("x")
    return Placed(x, (x.elements,))


MISTAKES = {
    "another function": (wrong, "self-check: .*differ from torch's"),
    "an error": (
        raising,
        rf"2 \(test_rules\.py:\d+\): the rule for {LIBRARY}::relu, of .*test_rules, raised "
        "KeyError: 'gone'; this is a mistake of the rule",
    ),
    "its own refusal": (refusing, f"{LIBRARY}::relu: only on Sundays"),
    "nothing": (lambda c: None, "returned NoneType; a rule returns a Placed, or"),
    "too much": (lambda c: [None, None], "returned list; .* for each of 1 results"),
    "another shape": (other_shape, "has the shape of the result without the batch"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_of_a_rule_is_one_line_that_names_it(case):
    rule, reason = MISTAKES[case]
    rules.register(f"{LIBRARY}::relu")(rule)
    assert re.search(reason, refusal(relu))


def test_an_operator_that_changes_its_argument_is_no_function_of_each_number():
    def run(x: Tensor) -> Tensor:
        x = x.clone()
        halve(x)
        return x

    rules.register(f"{LIBRARY}::halve")(pointwise)
    assert f"{LIBRARY}::halve: it changes its arguments" in refusal(run)


def test_an_operator_that_needs_more_than_one_number_is_told():
    rules.register(f"{LIBRARY}::images_only")(pointwise)
    text = refusal(lambda x: images_only(x).sign())
    assert f"{LIBRARY}::images_only: on rows of numbers" in text
    assert "raised ValueError: four dimensions, please; it must be a function" in text


def in_a_larger_step(c: RuleCall) -> Placed:
    return c.usual(c.map("x"))


def beyond_the_step(c: RuleCall) -> Placed:
    return Placed(c.map("x"), c.image_shape, torch.arange(8 * 4 * 64)[-256:].reshape(c.image_shape))


def half_of_the_step(c: RuleCall) -> Placed:
    whole = c.value("x")
    return Placed(whole.step, c.image_shape, whole.places()[::2])


def test_where_a_result_lies_is_looked_at():
    rules.register(f"{LIBRARY}::half")(half_of_the_step)
    assert_packs(half, 4)
    for rule in (in_a_larger_step, beyond_the_step):
        rules._owners.pop(f"{LIBRARY}::half")
        rules.register(f"{LIBRARY}::half")(rule)
        text = refusal(half, 4)
        assert f"the rule for {LIBRARY}::half, of" in text
        assert text.endswith("and its step holds all its numbers")
