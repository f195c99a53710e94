"""How much of the training is done reaches every quantizer of a network."""

import pytest
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.quantizers import EdeSign, StandardizedSign, set_progress


def test_progress_reaches_quantizers_in_layers_and_alone():
    linear = BinaryLinear(4, 3, input_quantizer="ede_sign", weight_quantizer="standardized_sign")
    network = nn.Sequential(BinaryConv2d(1, 1, 1), nn.Sequential(EdeSign()), linear)
    set_progress(network, 1)
    quantizers = [module for module in network.modules() if isinstance(module, EdeSign)]
    assert [quantizer.get_buffer("t").item() for quantizer in quantizers] == [pytest.approx(10)] * 2
    assert isinstance(linear.weight_quantizer, StandardizedSign)
    before = linear.weight_quantizer.get_buffer("width").item()
    set_progress(network, 0.0)
    assert [quantizer.get_buffer("t").item() for quantizer in quantizers] == [
        pytest.approx(0.1)
    ] * 2
    assert linear.weight_quantizer.get_buffer("width").item() < before


@pytest.mark.parametrize("progress", [-0.1, 1.01, float("nan")])
def test_progress_outside_the_training_is_refused(progress):
    with pytest.raises(UsageError, match=rf"^progress is {progress!r}; give a"):
        set_progress(nn.Linear(1, 1), progress)
