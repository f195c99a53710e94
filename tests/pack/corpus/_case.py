"""One network of the corpus: how to build it, its images, and what packing it must do."""

import importlib
import pkgutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from signbit.format import Preprocessing
from signbit.models import to_input

# One pixel step is 1/128, so that sums of pixels are exact in float32.
RGB = Preprocessing([1 / 128] * 3, [-1.0] * 3, (12, 12))
GREY = Preprocessing([1 / 128], [-1.0], (8, 8))
IMAGENET = Preprocessing.from_mean_std((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), (12, 12))

_CASES: dict[str, "Case"] = {}


def line(channels: int, length: int) -> Preprocessing:
    """Sequences: images of one row."""
    return Preprocessing([1 / 128] * channels, [-1.0] * channels, (1, length))


@dataclass(frozen=True)
class Case:
    """One network and what is expected of `pack`.

    integers: every bit and every score is a function of exact sums, so that no rounding excuses
        a difference.
    refused: what the one line of the refusal must contain, a regular expression; None where the
        network must be packed.
    may_refuse: the same, where packing the network right is as good.
    wrap: what is done to the module after its weights are set, such as scripting it.
    statistics: whether torch can run the module, so that its norms have statistics.
    """

    name: str
    make: Callable[[], nn.Module]
    images: Preprocessing
    integers: bool
    refused: str | None
    may_refuse: str | None
    wrap: Callable[[nn.Module], nn.Module]
    statistics: bool

    def model(self) -> nn.Module:
        """The network in eval mode; the same weights at each call."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(zlib.crc32(self.name.encode()))
            model = self.make()
            inputs = self.inputs(model, _noise(self.images))
            settle(model, inputs if self.statistics else None)
            return self.wrap(model.eval()).eval()

    def inputs(self, model: nn.Module, pixels: NDArray[np.uint8]) -> Tensor:
        """What the module is called with: (N, C, H, W), or (N, C, L) for sequences."""
        x = to_input(torch.from_numpy(pixels), self.images).contiguous()
        sequence = any(isinstance(module, nn.Conv1d) for module in model.modules())
        x = x[:, :, 0] if sequence and self.images.size[0] == 1 else x
        first = next(model.parameters(), x)
        return x.to(first.dtype)


def network(
    images: Preprocessing = RGB,
    *,
    integers: bool = False,
    refused: str | None = None,
    may_refuse: str | None = None,
    wrap: Callable[[nn.Module], nn.Module] = lambda model: model,
    statistics: bool = True,
) -> Callable[[Callable[[], nn.Module]], Callable[[], nn.Module]]:
    """List a class, or a function that returns a module, as a network of the corpus.

    The options are the fields of `Case`.
    """

    def add(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        topic = make.__module__.rpartition(".")[2]
        name = f"{topic}.{make.__name__}"
        assert name not in _CASES, name
        _CASES[name] = Case(name, make, images, integers, refused, may_refuse, wrap, statistics)
        return make

    return add


def cases() -> dict[str, Case]:
    """All networks by `topic.name`, sorted."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
    return dict(sorted(_CASES.items()))


@torch.no_grad()
def settle(model: nn.Module, inputs: Tensor | None) -> None:
    """Parameters as training leaves them: uneven statistics, negative and zero gammas, biases.

    Statistics of norms are those of the inputs, so that signs stay mixed, and then moved.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for module in model.modules():
        if isinstance(module, nn.modules.conv._ConvNd | nn.Linear) and module.bias is not None:
            module.bias.normal_(0, 0.5)
        elif isinstance(module, nn.PReLU):
            module.weight.uniform_(-0.2, 0.5)
    for norm in norms:
        norm.momentum = 1.0
        if norm.affine:
            norm.weight.normal_()
            norm.bias.normal_(0, 0.5)
            norm.weight[3::7] = 0.0
    if norms and inputs is not None:
        model.train()(inputs)
    for norm in norms:
        norm.momentum = 0.1
        if norm.running_mean is not None and norm.running_var is not None:
            norm.running_mean.add_(torch.randn_like(norm.running_mean), alpha=0.3)
            norm.running_var.mul_(torch.empty_like(norm.running_var).uniform_(0.5, 2))


def _noise(images: Preprocessing) -> NDArray[np.uint8]:
    shape = (16, *images.size, images.channels)
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)
