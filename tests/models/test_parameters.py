"""What exporters of a network in training get: arrays, pure signs, and the scales beside them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from signbit.format import Preprocessing
from signbit.layers import BinaryLinear
from signbit.models import Architecture, TrainedModel
from signbit.models._parameters import parameters_of


@pytest.mark.parametrize("name", ["ste_sign", "xnor_sign", "dorefa_sign", "standardized_sign"])
def test_signs_and_scales_make_up_the_weights(name):
    architecture = Architecture("mlp_binary", {"hidden": [12], "weight_quantizer": name})
    module = architecture.build().eval()
    preprocessing = Preprocessing([1 / 128], [-1.0], (28, 28))
    found = parameters_of(TrainedModel(module, architecture, preprocessing, Path()))
    layer = module.get_submodule("features.0")
    assert isinstance(layer, BinaryLinear)
    assert layer.weight_quantizer is not None
    with torch.no_grad():
        wanted = layer.weight_quantizer(layer.weight).numpy()
    scale = found.arrays.get("features.0.scale", np.ones(1, np.float32))
    signs = found.binary["features.0.weight"]
    assert set(np.unique(signs)) == {-1, 1}
    np.testing.assert_array_equal(signs * scale[:, None], wanted)
    assert ("features.0.scale" in found.arrays) == (name in ("xnor_sign", "dorefa_sign"))


@torch.no_grad()
def test_scale_and_shift_stand_for_the_values_of_a_binary_set():
    options = {"hidden": [12, 8], "weight_quantizer": "xnor_sign", "input_quantizer": "adabin_sign"}
    architecture = Architecture("mlp_binary", options)
    module = architecture.build().eval()
    layer = module.get_submodule("features.3")
    assert isinstance(layer, BinaryLinear)
    assert layer.input_quantizer is not None
    layer.input_quantizer.get_parameter("alpha").fill_(0.75)
    layer.input_quantizer.get_parameter("beta").fill_(-0.5)
    preprocessing = Preprocessing([1 / 128], [-1.0], (28, 28))
    found = parameters_of(TrainedModel(module, architecture, preprocessing, Path()))
    x = torch.randn(5, 12)
    signs = np.where(x.numpy() > -0.5, 1, -1)
    sums = signs @ found.binary["features.3.weight"].T
    scale, shift = found.arrays["features.3.scale"], found.arrays["features.3.shift"]
    np.testing.assert_allclose(sums * scale + shift, layer(x).numpy(), rtol=1e-5, atol=1e-5)
    assert "features.0.shift" not in found.arrays
