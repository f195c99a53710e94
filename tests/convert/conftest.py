"""Foreign networks as if trained for a moment."""

import pytest
import torch
from convert.foreign import binarynet, bireal, irnet, others, xnornet
from torch import nn

IMAGE = (3, 8, 8)
NETWORKS = {
    "binarynet_mlp": (binarynet.Mlp, (36,)),
    "binarynet_vgg": (binarynet.Vgg, IMAGE),
    "binarynet_alexnet": (binarynet.AlexNet, (3, 16, 16)),
    "binarynet_resnet": (binarynet.ResNet, IMAGE),
    "xnornet": (xnornet.Net, IMAGE),
    "bireal": (bireal.BiRealNet, IMAGE),
    "reactnet": (bireal.reactnet, IMAGE),
    "irnet": (irnet.ResNet, IMAGE),
    "mixed": (others.Mixed, IMAGE),
}


def warmed(network: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """With statistics of a few batches and batch norms that do something; in eval mode."""
    with torch.no_grad():
        for _ in range(2):
            network.train()(torch.randn(16, *shape))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
                nn.init.normal_(module.weight)
                nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval()


@pytest.fixture(autouse=True)
def _one_thread():
    """Layers are small: more threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
