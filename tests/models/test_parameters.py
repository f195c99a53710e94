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
