"""Networks of any inputs and outputs: what is packed against torch itself."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from signbit.errors import PackError, UsageError
from signbit.format import Input, Preprocessing
from signbit.format.bits import pack_bits
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryLinear
from signbit.pack import OutputSpec, pack
from signbit.pack._pixels import pixel_code
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs
from tests.pack.beside_torch import ops, packs, torch_input

SCORES = OutputSpec("scores", "classes")
PLAIN: dict[str, Any] = {"input_quantizer": None, "bias": False}


def head(features: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        BinaryLinear(features, 40, **PLAIN), nn.BatchNorm1d(40), BinaryLinear(40, 3)
    )


def test_bits_go_straight_into_xor_and_popcount():
    packed = packs(head(70), [Input.bits("code", (70,))])
    assert ops(packed) == ["conv_bits", "threshold", "conv_bits", "affine"]
    assert packed.info["exact"]
    assert packed.info["check"]["bits_differ"] == 0
    code = np.random.default_rng(1).random((4, 70)) < 0.5
    engine = Engine(packed)
    np.testing.assert_array_equal(engine(code), engine(pack_bits(code)))


def test_a_sign_of_bits_is_the_bits():
    network = nn.Sequential(BinaryLinear(70, 5, bias=False))
    assert ops(packs(network, [Input.bits("code", (70,))])) == ["conv_bits", "affine"]


def test_a_binary_layer_computes_in_integers_on_a_declared_step_and_in_float32_on_numbers():
    fixed = packs(head(12), [Input.fixed_point("levels", (12,), step=0.25, lowest=-8.0)])
    assert ops(fixed)[0] == "conv_u8"
    assert fixed.info["exact"]
    real = packs(head(12), [Input.numbers("levels", (12,))])
    assert ops(real)[0] == "conv_f32_bits"
    assert not real.info["exact"]


def test_a_sign_of_numbers_is_a_threshold():
    network = nn.Sequential(BinaryLinear(12, 30, bias=False), nn.BatchNorm1d(30), nn.Linear(30, 2))
    packed = packs(network, [Input.numbers("x", (12,))])
    assert ops(packed)[:2] == ["threshold", "conv_bits"]


def test_a_sign_of_three_values_on_numbers_is_refused():
    class Sign(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sign(x)

    network = nn.Sequential(Sign(), BinaryLinear(12, 3, bias=False, input_quantizer=None))
    with pytest.raises(PackError, match="is not a sign with two values"):
        pack(network.eval(), inputs=[Input.numbers("x", (12,))])


@pytest.mark.parametrize(
    "one",
    [
        Input.numbers("trace", (50, 4)),
        Input.bits("trace", (50, 4)),
        Input.pixels("trace", (50, 4), [1 / 64], [-1.0]),
    ],
    ids=lambda one: one.kind,
)
def test_sequences(one):
    torch.manual_seed(0)
    network = nn.Sequential(
        BinaryConv1d(4, 16, 5, padding=2, **PLAIN),
        nn.BatchNorm1d(16),
        BinaryConv1d(16, 24, 3, stride=2),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    packs(network, [one])


def test_a_map_of_classes_and_of_numbers():
    torch.manual_seed(0)

    class Maps(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(
                BinaryConv2d(1, 16, 3, padding=1, **PLAIN), nn.BatchNorm2d(16)
            )
            self.classes, self.depth = BinaryConv2d(16, 4, 3, padding=1), nn.Conv2d(16, 1, 1)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            x = self.body(x)
            return {"depth": self.depth(x), "part": self.classes(x)}

    outputs = [OutputSpec("part", "classes", ["a", "b", "c", "d"]), OutputSpec("depth", "numbers")]
    network = Maps().eval()
    packed = packs(network, [Input.pixels("grey", (9, 7, 1), [1 / 128], [-1.0])], outputs)
    assert [(one.name, one.rank) for one in packed.outputs] == [("part", 3), ("depth", 3)]
    grey = random_inputs(packed, 2)["grey"]
    assert Engine(packed).classify(grey).shape == (2, 9, 7)
    of_pixels = pack(network, Preprocessing([1 / 128], [-1.0], (9, 7)), outputs=outputs)
    engine = Engine(of_pixels)
    np.testing.assert_array_equal(engine.run(grey)["part"], Engine(packed).run(grey)["part"])


class Fused(nn.Module):
    """A picture and a row of bits."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = BinaryConv2d(3, 8, 3, stride=2, **PLAIN)
        self.norm, self.code = nn.BatchNorm2d(8), BinaryLinear(20, 16)
        self.join, self.last = BinaryLinear(8 * 9 + 16, 6), nn.Linear(6, 1)

    def forward(self, picture: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([self.norm(self.conv(picture)).flatten(1), self.code(code)], 1)
        tags = self.join(both)
        return tags, self.last(tags)


FUSED = [Input.pixels("picture", (8, 8, 3), [1 / 128], [-1.0]), Input.bits("code", (20,))]
TAGS = [OutputSpec("tags", "labels"), OutputSpec("age", "numbers", ["years"])]


def test_two_inputs_and_two_outputs():
    packed = packs(Fused(), FUSED, TAGS)
    assert [one.name for one in packed.inputs] == ["picture", "code"]
    assert [(one.name, one.kind, one.names) for one in packed.outputs] == [
        ("tags", "labels", ()),
        ("age", "numbers", ("years",)),
    ]
    assert ops(packed).count("conv_u8") == 1


def test_the_self_check_sees_a_wrong_second_output_and_samples_of_two_inputs():
    network = Fused().eval()
    samples = random_inputs(pack(network, inputs=FUSED, outputs=TAGS, check=False), 5)
    check = pack(network, inputs=FUSED, outputs=TAGS, samples=samples).info["check"]
    assert (check["made_up"], check["samples"]) == (16, 5)

    class Differs(Fused):
        def forward(self, picture: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
            tags, age = super().forward(picture, code)
            return tags, age + (0.5 if len(code) > 2 else 0.0)

    with pytest.raises(PackError, match=r"differ|different scores"):
        pack(Differs().eval(), inputs=FUSED, outputs=TAGS)


def test_the_result_of_a_module_is_an_output_too():
    network = Fused().eval()
    outputs = [OutputSpec("sums", "numbers", module="code"), *TAGS]
    packed = pack(network, inputs=FUSED, outputs=outputs)
    given = random_inputs(packed, 4)
    found = Engine(packed).run(given)
    with torch.no_grad():
        wanted = network.code(torch_input(FUSED[1], given["code"]))
    np.testing.assert_allclose(found["sums"], wanted.numpy(), rtol=1e-6)
    alone = Engine(pack(network, inputs=FUSED, outputs=TAGS)).run(given)
    np.testing.assert_array_equal(found["age"], alone["age"])


def test_inner_values_by_the_path_of_a_module():
    network = head(70).eval()
    engine = Engine(pack(network, inputs=[Input.bits("code", (70,))]))
    code = random_inputs(engine.model, 3)["code"]
    with torch.no_grad():
        wanted = network.get_submodule("0")(torch_input(engine.inputs[0], code))
    np.testing.assert_array_equal(engine.features(code, "0"), wanted.numpy())
    assert engine.features(code, "1").dtype == bool


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (None, "returns 2 values.*; name the values"),
        ([SCORES], r"returns 2 values, but outputs=\[\.\.\.\] names 1 \(scores\)"),
        ([*TAGS, OutputSpec("x", "numbers", module="cod")], "has no module 'cod'.*Did you mean"),
        ([*TAGS, OutputSpec("x", "numbers", module="norm")], None),
    ],
)
def test_outputs_that_do_not_fit_the_network_are_refused(outputs, says):
    if says is None:
        assert len(pack(Fused().eval(), inputs=FUSED, outputs=outputs).outputs) == 3
        return
    with pytest.raises(PackError, match=says):
        pack(Fused().eval(), inputs=FUSED, outputs=outputs)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "either a preprocessing"),
        (
            {"inputs": FUSED, "preprocessing": Preprocessing([1.0], [0.0], (8, 8))},
            "either a prepro",
        ),
        ({"preprocessing": [0.5]}, "preprocessing: list; give a signbit.format.Preprocessing"),
        ({"inputs": []}, "a list of Input"),
        ({"inputs": ["code"]}, "a list of Input"),
        ({"inputs": FUSED, "outputs": []}, "a list of OutputSpec"),
        ({"inputs": FUSED, "outputs": [SCORES, SCORES]}, "two inputs or outputs"),
        ({"inputs": FUSED, "outputs": TAGS, "samples": {"code": 3}}, "'picture' is missing"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, says):
    with pytest.raises(UsageError, match=says):
        pack(Fused().eval(), **arguments)


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"name": "n3"}, "output name"),
        ({"name": "x", "kind": "class"}, "kind is 'class'"),
        ({"name": "x", "names": "ab"}, "names"),
    ],
)
def test_a_spec_names_its_field(field, says):
    with pytest.raises(UsageError, match=says):
        OutputSpec(**field)


def test_an_input_that_a_network_changes_in_place():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x.mul_(2).add_(1))

    packs(InPlace(), [Input.numbers("x", (6,))])


def test_an_input_that_changes_nothing_is_noted():
    class Ignores(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = BinaryLinear(20, 3)

        def forward(self, code: Tensor, spare: Tensor) -> Tensor:
            return self.fc(code)

    inputs = [Input.bits("code", (20,)), Input.numbers("spare", (4,))]
    packed = packs(Ignores(), inputs)
    assert any("spare" in note for note in packed.info["notes"])


def test_two_readers_of_a_joined_value_read_one_step():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.kind, self.size = BinaryLinear(20, 8), nn.Linear(28, 2), nn.Linear(28, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            joined = torch.cat([self.fc(x), x], 1)
            return self.kind(joined), self.size(joined)

    outputs = [OutputSpec("kind", "classes"), OutputSpec("size", "numbers")]
    assert ops(packs(Heads(), [Input.numbers("x", (20,))], outputs)).count("concat") == 1


def test_a_value_may_be_two_outputs_and_an_input_one():
    class Same(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = BinaryLinear(20, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            y = self.fc(x)
            return y, y, x

    names = ["one", "same", "given"]
    packs(Same(), [Input.numbers("x", (20,))], [OutputSpec(name, "numbers") for name in names])


def test_a_scale_next_to_nothing_is_a_real_number():
    assert pixel_code(Input.pixels("pixels", (8, 8, 1), [1e-320], [1.0])) is None


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_borders_go_through_a_norm_of_one_number_too(channels, value):
    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.conv = nn.BatchNorm2d(channels), BinaryConv2d(channels, 4, 2)
            nn.init.constant_(self.norm.bias, -0.25)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.norm(nn.functional.pad(x, (1, 1), value=value))).flatten(1)

    packs(Padded(), [Input.numbers("x", (3, 4, channels))])


@pytest.mark.parametrize("one", [Input.fixed_point("x", (9,), 0.5, -3.0), Input.bits("x", (9,))])
def test_a_number_and_its_sign_are_real_together(one):
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.first, self.last = BinaryLinear(9, 9, **PLAIN), BinaryLinear(9, 3, **PLAIN)

        def forward(self, x: Tensor) -> Tensor:
            x = x if one.kind == "u8" else self.first(x)
            return self.last(x + torch.where(x > 0, 1.0, -1.0))

    assert "conv_f32_bits" in ops(packs(Sum(), [one]))
