"""Adopted networks become packed ones that give the scores of the foreign code."""

import numpy as np
import pytest
import torch
from convert.conftest import IMAGE, NETWORKS, warmed

from signbit.convert import adopt
from signbit.format import Preprocessing
from signbit.models import to_input
from signbit.pack import pack
from signbit.runtime import reference

HOW = Preprocessing([1 / 64] * 3, [-2.0] * 3, IMAGE[1:])


@pytest.mark.parametrize("name", ["binarynet_vgg", "bireal", "reactnet", "irnet", "mixed"])
def test_a_packed_network_scores_as_the_foreign_code(name):
    kind, shape = NETWORKS[name]
    network = warmed(kind(), shape)
    adopted, _ = adopt(network, torch.randn(2, *shape))
    packed = pack(adopted, HOW)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    with torch.no_grad():
        wanted = network(to_input(torch.from_numpy(pixels), HOW).contiguous())
    np.testing.assert_allclose(reference.scores(packed, pixels), wanted, rtol=1e-4, atol=1e-4)
