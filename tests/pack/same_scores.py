"""Compare a packed network on the engine with torch."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from signbit.format import PackedModel, Preprocessing
from signbit.layers import BinaryConv2d
from signbit.models import to_input
from signbit.pack import pack
from signbit.runtime.engine import Engine
from tests.pack.corpus._images import images_for

Images, Scores = NDArray[np.uint8], NDArray[np.float32]
RGB = Preprocessing([1 / 128] * 3, [-1.0] * 3, (12, 12))
LINE = Preprocessing([1 / 128] * 3, [-1.0] * 3, (1, 12))


def real_first(channels: int = 32, bias: bool = True) -> BinaryConv2d:
    """A first layer: bits of weights, pixels as they are."""
    return BinaryConv2d(3, channels, 3, padding=1, input_quantizer=None, bias=bias)


def torch_scores(network: nn.Module, images: Images, preprocessing: Preprocessing) -> Scores:
    """What the network gives when it is called; images of one row are sequences."""
    inputs = to_input(torch.from_numpy(images), preprocessing).contiguous()
    with torch.no_grad():
        return network(inputs[:, :, 0] if preprocessing.size[0] == 1 else inputs).numpy()


def assert_same_scores(
    network: nn.Module, preprocessing: Preprocessing = RGB, tolerance: float = 1e-5
) -> PackedModel:
    """The engine gives torch's scores, which differ between images, to a share of the largest."""
    packed = pack(network.eval(), preprocessing)
    images = images_for(preprocessing)
    wanted = torch_scores(network, images, preprocessing)
    assert len(np.unique(wanted, axis=0)) > 10
    scores = Engine(packed).scores(images)
    assert scores.shape == wanted.shape
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())
    return packed


def ops(packed: PackedModel) -> list[str]:
    return [node.op for node in packed.nodes]
