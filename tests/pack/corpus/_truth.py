"""What torch computes, and for which images that is evidence."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.pack.corpus._case import Case
from tests.pack.corpus._images import images_for

# Of the largest score: what every addition in another order may change where no bit turns.
REAL_ERROR = 1e-4

_RUNS = 5
# Float32 rounds to 6e-8; sums of some hundred numbers, in another order, move by several of that.
_NOISE = 1e-6
_ROUNDING = """
    convolution mm addmm bmm baddbmm native_batch_norm _native_batch_norm_legit_no_training
    native_layer_norm native_group_norm mean sum var var_mean std std_mean cumsum prod
    add sub rsub mul div addcmul addcdiv lerp pow sqrt rsqrt reciprocal exp log erf
    sigmoid tanh gelu silu hardswish hardsigmoid elu softplus leaky_relu _prelu_kernel
    avg_pool1d avg_pool2d _adaptive_avg_pool2d linalg_vector_norm norm _softmax _log_softmax
    upsample_bilinear2d
"""
# ATen's operators that do arithmetic; the others move values, or compare them.
_ROUNDED = frozenset(_ROUNDING.split())
_SUMMED = "convolution mm addmm bmm baddbmm mean sum cumsum avg_pool1d avg_pool2d"
_SUMS = frozenset(_SUMMED.split())
_NORMS = frozenset({"native_layer_norm", "native_group_norm"})


class Truth(NamedTuple):
    """What torch computes on the images.

    steady: the images whose scores another order of additions does not change. Where a sum of
        real numbers lies on its threshold, rounding decides the bit, and no packer can repeat
        that of torch; such an image is no evidence.
    """

    images: NDArray[np.uint8]
    scores: NDArray[np.float64]
    steady: NDArray[np.bool_]

    @property
    def largest(self) -> float:
        """The largest score, above zero; bounds are shares of it."""
        return max(float(np.abs(self.scores).max()), float(np.finfo(np.float32).tiny))


class Rounding(TorchDispatchMode):
    """Moves each number that float32 arithmetic rounds by about what it may be rounded by.

    Numbers on a grid of 1/1024 are exact in any order of additions, and stay as they are. Of other
    numbers a sum stays only where all its terms are 0: where they cancel, the order decides. A
    number less its mean never stays. Seed 0 moves all numbers up and 1 all down, as a pool of many
    may hide what single ones do.
    """

    def __init__(self, seed: int):
        super().__init__()
        self._seed, self._generator = seed, torch.Generator().manual_seed(seed)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::").removesuffix("_")
        if name not in _ROUNDED:
            return result
        terms = None
        if name in _SUMS and not all(_on_grid(one).all() for one in args if _is_real(one)):
            terms = func(*(one.abs() if _is_real(one) else one for one in args), **kwargs or {})
        for tensor in result if isinstance(result, tuple) else (result,):
            if _is_real(tensor) and tensor.numel():
                self._move(tensor, terms, name in _NORMS)
        return result

    def _move(self, tensor: Tensor, terms: Tensor | None, centred: bool) -> None:
        """terms: of sums, those of the magnitudes of their terms. centred: less their mean."""
        size = tensor.abs().nan_to_num(posinf=0.0).max() if terms is None else terms
        noise = torch.randn(tensor.shape, generator=self._generator).to(tensor.dtype)
        if self._seed < 2:
            # What all goes one way adds up.
            noise = noise.abs() * 0.1 * (-1) ** self._seed
        exact = terms is None and not centred
        tensor.add_((_NOISE * size * noise).masked_fill(_on_grid(tensor) & exact, 0.0))


def _is_real(one: object) -> bool:
    return isinstance(one, Tensor) and one.is_floating_point()


def _on_grid(tensor: Tensor) -> Tensor:
    grid = tensor * 1024
    return grid == grid.round()


@torch.no_grad()
def truth(case: Case, model: nn.Module) -> Truth:
    """The scores of torch, and for which images they are evidence."""
    images = images_for(case.images)
    inputs = case.inputs(model, images)
    scores = model(inputs.clone()).double().numpy()
    steady = np.ones(len(images), bool)
    for seed in range(0 if case.integers else _RUNS):
        with Rounding(seed):
            moved = model(inputs.clone()).double().numpy()
        error = np.abs(moved - scores).reshape(len(images), -1).max(1)
        steady &= error <= 0.5 * REAL_ERROR * np.abs(scores).max()
    return Truth(images, scores, steady)
