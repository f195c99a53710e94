"""Scaled and standardized weights pack into signs, and networks of them say what torch says."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from signbit.format import PackedModel, Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear, RSign
from signbit.models import create, to_input
from signbit.pack import pack
from signbit.quantizers import AbstractQuantizer, AdabinSign, quantizers
from signbit.quantizers import create as create_quantizer
from signbit.runtime import reference
from signbit.runtime.engine import Engine

GREY = Preprocessing([1 / 128], [-1.0], (8, 8))
MADE = {name: create_quantizer(name) for name in quantizers.names()}
WEIGHTS = [
    {"weight_quantizer": name}
    for name, quantizer in MADE.items()
    if quantizer.binary and quantizer.distance_and_centre() is None and name != "stochastic_sign"
]
SCALES = [
    *WEIGHTS,
    {"learned_scale": True},
    {"learned_scale": True, "weight_quantizer": "standardized_sign"},
]
LEVELS = [name for name, quantizer in MADE.items() if quantizer.distance_and_centre() is not None]


def randomize(network: nn.Module) -> Any:
    """Batch norms of any sign with zeros among them, weights and scales far from their start."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 2)
            module.running_var.uniform_(0.01, 9)
            if module.affine:
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
                with torch.no_grad():
                    module.weight[::5] = 0.0
        elif isinstance(module, BinaryConv2d | BinaryLinear):
            nn.init.normal_(module.weight, 0.1, 0.7)
            if module.scale is not None:
                # One that training drove below zero turns its channel round; one of zero ends it.
                nn.init.normal_(module.scale)
                with torch.no_grad():
                    module.scale[1] = 0.0
    return network.eval()


def network(**options) -> nn.Sequential:
    return nn.Sequential(
        BinaryConv2d(1, 20, 3, padding=1, input_quantizer=None, **options),
        nn.BatchNorm2d(20),
        BinaryConv2d(20, 33, 3, padding=1, **options),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(33),
        nn.Hardtanh(),
        BinaryConv2d(33, 24, 3, padding=1, padding_value=1.0, bias=False, **options),
        nn.BatchNorm2d(24),
        nn.MaxPool2d(2),
        nn.PReLU(24),
        nn.Flatten(),
        BinaryLinear(96, 6, **options),
    )


def require_torchs_answers(model: nn.Module, packed: PackedModel, seed: int) -> None:
    """Every bit, by the self-check of `pack`, and the scores of both runtimes."""
    assert packed.info["exact"]
    assert packed.info["check"]["bits"] > 0
    assert packed.info["check"]["bits_differ"] == 0
    images = np.random.default_rng(seed).integers(0, 256, (32, 8, 8, 1)).astype(np.uint8)
    with torch.no_grad():
        wanted = model(to_input(torch.from_numpy(images), packed.preprocessing)).numpy()
    np.testing.assert_array_equal(reference.scores(packed, images), wanted)
    np.testing.assert_array_equal(Engine(packed).scores(images), wanted)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", SCALES, ids=str)
def test_a_network_gives_the_very_numbers_of_torch(options, seed):
    torch.manual_seed(seed)
    model = randomize(network(**options))
    packed = pack(model, GREY)
    require_torchs_answers(model, packed, seed)
    # The scales before a sign are in its thresholds; one is left, before the last bias.
    scaled = model[0].output_scale() is not None
    assert [node.op for node in packed.nodes].count("affine") == 1 + scaled


@pytest.mark.parametrize("options", SCALES, ids=str)
def test_a_scale_without_batch_norm_rounds_once(options):
    torch.manual_seed(4)
    model = nn.Sequential(
        BinaryConv2d(1, 16, 3, input_quantizer=None, **options),
        nn.Flatten(),
        BinaryLinear(576, 5, **options),
    )
    require_torchs_answers(randomize(model), pack(model, GREY), 4)


def with_levels(name: str, **options) -> nn.Sequential:
    """Two values, on integers and on real numbers, in layers and alone."""

    def sign() -> AbstractQuantizer:
        quantizer = create_quantizer(name)
        for parameter in quantizer.parameters():
            # On half numbers, which sums equal.
            parameter.data = torch.randint(-5, 6, parameter.shape) / 2
        return quantizer

    return nn.Sequential(
        BinaryConv2d(1, 16, 3, padding=1, input_quantizer=None),
        BinaryConv2d(16, 20, 3, padding=1, input_quantizer=sign(), **options),
        nn.BatchNorm2d(20),
        BinaryConv2d(20, 16, 3, stride=2, padding=1, input_quantizer=RSign(20, sign()), **options),
        sign(),
        nn.MaxPool2d(2),
        BinaryConv2d(16, 24, 1, input_quantizer=sign(), bias=False, **options),
        nn.Flatten(),
        BinaryLinear(96, 6, input_quantizer=sign(), **options),
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options", [{}, {"weight_quantizer": "xnor_sign"}, {"learned_scale": True}]
)
@pytest.mark.parametrize("name", LEVELS)
def test_learned_levels_give_the_very_numbers_of_torch(name, options, seed):
    torch.manual_seed(seed)
    model = randomize(with_levels(name, **options))
    require_torchs_answers(model, pack(model, GREY), seed)


def test_models_take_levels_from_options():
    model = randomize(create("digits_binary", width=8, input_quantizer="adabin_sign"))
    for module in model.modules():
        if isinstance(module, AdabinSign):
            module.get_parameter("alpha").data.fill_(0.75)
            module.get_parameter("beta").data.fill_(0.5)
    packed = pack(model, GREY)
    assert packed.info["check"]["bits_differ"] == 0
    plain = pack(randomize(create("digits_binary", width=8)), GREY)
    # The levels are in the thresholds, behind flattening too; those of the last layer stay.
    ops, expected = ([node.op for node in one.nodes] for one in (packed, plain))
    last = expected.index("affine")
    assert ops == [*expected[:last], "affine", *expected[last:]]


def test_weights_of_two_real_values_stay_real():
    model = nn.Sequential(nn.Flatten(), BinaryLinear(64, 2, weight_quantizer="adabin_weight"))
    packed = pack(model.eval(), GREY)
    assert [node.op for node in packed.nodes].count("conv_f32") == 1
    assert packed.info["check"]["score_error"] < 1e-5


def test_models_take_scaled_weights_from_options():
    torch.manual_seed(5)
    chosen = {"name": "xnor_sign", "clip": 1.5}
    sharp = {"name": "ede_sign", "end": 5.0}
    model = create("digits_binary", width=8, weight_quantizer=chosen, input_quantizer=sharp)
    packed = pack(randomize(model), GREY)
    assert packed.info["check"]["bits_differ"] == 0
    assert not any(node.op.startswith("conv_f32") for node in packed.nodes)


def test_a_layer_of_zero_weights_packs_as_constants():
    torch.manual_seed(6)
    model = randomize(network(weight_quantizer="xnor_sign"))
    nn.init.zeros_(model[2].weight)
    require_torchs_answers(model, pack(model, GREY), 6)


def test_a_quantizer_for_weights_gives_what_torch_gives_between_layers_too():
    model = nn.Sequential(create_quantizer("xnor_sign"), nn.Flatten(), BinaryLinear(64, 2)).eval()
    assert pack(model, GREY).info["check"]["bits_differ"] == 0
