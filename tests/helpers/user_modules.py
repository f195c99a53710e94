"""Imports of the user's modules, undone, so that tests do not see those of one another."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from signbit.registry import registrations

# A module that registers one thing of each kind.
ONE_OF_EACH = '''
from typing import Literal

import numpy as np
import torch
from torch import nn
from torchmetrics import MeanSquaredError

from signbit.bench.peers import peers
from signbit.cli._app import commands
from signbit.data import ImageSet, datasets
from signbit.export import exporters
from signbit.layers import BinaryLinear
from signbit.models import models
from signbit.pack.rules import rules
from signbit.passes import passes
from signbit.quantizers import AbstractQuantizer, quantizers, ste_sign
from signbit.train.losses import losses
from signbit.train.losses.mse import Mse
from signbit.train.metrics import metrics
from signbit.train.optimizers import optimizers
from signbit.train.optimizers.sgd import Sgd

print("our module is imported")


@quantizers.register("our_sign")
class OurSign(AbstractQuantizer):
    def forward(self, x):
        return ste_sign(x, 1.0)


@models.register("our_net")
class OurNet(nn.Module):
    def __init__(
        self, num_classes=2, in_channels=1, input_size=(4, 4), width=8, input_quantizer="our_sign"
    ):
        super().__init__()
        inputs = in_channels * input_size[0] * input_size[1]
        self.layers = nn.Sequential(
            nn.Flatten(),
            BinaryLinear(inputs, width, input_quantizer=None),
            nn.BatchNorm1d(width),
            BinaryLinear(width, num_classes, input_quantizer=input_quantizer),
            nn.BatchNorm1d(num_classes),
        )

    def forward(self, x):
        return self.layers(x)


@datasets.register("our_data")
def our_data(request):
    generator = np.random.default_rng(len(request.split))
    labels = generator.integers(0, 2, 64)
    images = generator.integers(0, 128, (64, 4, 4, 1)) + 100 * labels[:, None, None, None]
    return ImageSet(request.name, request.split, images.astype(np.uint8), labels, ("dark", "light"))


@optimizers.register("our_sgd")
class OurSgd(Sgd):
    name: Literal["our_sgd"]


@losses.register("our_loss")
class OurLoss(Mse):
    pass


@metrics.register("our_metric")
def our_metric(outputs, targets):
    return MeanSquaredError()


@rules.register("ours::step")
def our_rule(call):
    raise NotImplementedError


@passes.register("our_pass")
def our_pass(model):
    return model


@exporters.register("our_format")
def our_format(request, folder):
    (folder / "name.txt").write_text(request.name)
    return {"made by": "our format"}


@peers.register("our_peer")
def our_peer(model, threads):
    return lambda arrays: None


@commands.register("our_command")
def our_command(count: int = 1) -> None:
    """Say a number."""
    print("counted", count)
'''


@contextmanager
def forgotten_imports() -> Iterator[None]:
    """Forget all modules that are imported inside and have names that start with "our".

    What they registered leaves the registries, and Python's path is as before.
    """
    modules, path, count = set(sys.modules), sys.path.copy(), len(registrations())
    try:
        yield
    finally:
        for registry, name, registrar in registrations()[count:]:
            if not registrar.startswith("signbit."):
                registry._entries.pop(name, None)
                registry._owners.pop(name, None)
        for name in set(sys.modules) - modules:
            if name.partition(".")[0].startswith("our"):
                del sys.modules[name]
        sys.path[:] = path
