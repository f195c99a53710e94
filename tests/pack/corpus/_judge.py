"""Pack a network and say whether that was right."""

import re
import traceback
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from signbit.errors import PackError
from signbit.pack import pack
from signbit.runtime.engine import Engine
from tests.pack.corpus._case import Case
from tests.pack.corpus._images import images_for

# Shares of the largest score. Integer networks: the last scale and bias, in another order.
EXACT_ERROR = 1e-6
# Others: every addition in another order, where no bit turns.
REAL_ERROR = 1e-4
LONGEST_LINE = 400

_RUNS = 4
# Float32 rounds to 6e-8; sums of some hundred numbers, in another order, move by several of that.
_NOISE = 1e-6
_ROUNDED = frozenset(
    [
        "convolution",
        "mm",
        "addmm",
        "bmm",
        "baddbmm",
        "native_batch_norm",
        "_native_batch_norm_legit_no_training",
        "native_layer_norm",
        "native_group_norm",
        "mean",
        "sum",
        "var",
        "var_mean",
        "std",
        "std_mean",
        "cumsum",
        "prod",
        "add",
        "sub",
        "rsub",
        "mul",
        "div",
        "addcmul",
        "addcdiv",
        "lerp",
        "pow",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "exp",
        "log",
        "erf",
        "sigmoid",
        "tanh",
        "gelu",
        "silu",
        "hardswish",
        "hardsigmoid",
        "elu",
        "softplus",
        "leaky_relu",
        "_prelu_kernel",
        "avg_pool1d",
        "avg_pool2d",
        "_adaptive_avg_pool2d",
        "linalg_vector_norm",
        "norm",
        "_softmax",
        "_log_softmax",
        "upsample_bilinear2d",
    ]
)


class Verdict(NamedTuple):
    """What became of a network.

    kind: "packed" (and right), "refused" (in one clear line), "wrong" (other numbers), "raw"
        (another exception, or a refusal that is no clear line).
    expected: whether that is what the case demands.
    """

    kind: str
    expected: bool
    detail: str = ""


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
        """The largest score; bounds are shares of it."""
        return float(np.abs(self.scores).max())


class Rounding(TorchDispatchMode):
    """Moves each number that float32 arithmetic rounds by about what it may be rounded by.

    Numbers on a grid of 1/1024 are exact in any order of additions, and stay as they are.
    """

    def __init__(self, seed: int):
        super().__init__()
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func._schema.name.removeprefix("aten::").removesuffix("_") in _ROUNDED:
            for tensor in result if isinstance(result, tuple) else (result,):
                self._move(tensor)
        return result

    def _move(self, tensor: Tensor) -> None:
        if not tensor.is_floating_point() or not tensor.numel():
            return
        grid = tensor * 1024
        size = _NOISE * float(tensor.abs().nan_to_num(posinf=0.0).max())
        noise = torch.randn(tensor.shape, generator=self._generator).to(tensor.dtype) * size
        tensor.add_(noise.masked_fill(grid == grid.round(), 0.0))


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


def judge(case: Case) -> Verdict:
    """Pack the network; compare its scores with torch's, or its refusal with what is expected."""
    model = case.model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        packed = pack(model, case.images)
        scores = Engine(packed).scores(images_for(case.images))
    except PackError as error:
        return _refusal(case, model, str(error))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        first = (str(error).strip() or "no message").splitlines()[0]
        return Verdict("raw", False, f"{type(error).__name__} {where.name}: {first}")
    changed = [name for name, value in model.state_dict().items() if _differs(value, before[name])]
    if changed:
        return Verdict("raw", False, f"pack changed the module: {', '.join(changed)}")
    if case.refused is not None:
        return Verdict("wrong", False, f"packed; must be refused: {case.refused}")
    # A module that pack has not seen.
    wanted = truth(case, case.model())
    return compare(wanted, scores, EXACT_ERROR if case.integers else REAL_ERROR)


def _differs(value: Tensor, before: Tensor) -> bool:
    return not torch.equal(value.nan_to_num(), before.nan_to_num())


def compare(wanted: Truth, scores: NDArray[np.float32], bound: float) -> Verdict:
    """Whether the engine's scores are torch's, on every image that is evidence."""
    if scores.shape != wanted.scores.shape:
        return Verdict("wrong", False, f"shape {scores.shape}, torch has {wanted.scores.shape}")
    error = np.abs(scores - wanted.scores).max(1) / wanted.largest
    wrong = wanted.steady & ~(error <= bound)
    if wrong.any():
        count, largest = int(wrong.sum()), float(error[wrong].max())
        detail = f"{count} of {int(wanted.steady.sum())} images, by {largest:.2g} of the largest"
        return Verdict("wrong", False, detail)
    return Verdict("packed", True)


def _refusal(case: Case, model: nn.Module, message: str) -> Verdict:
    fault = unclear(message, model)
    if fault:
        return Verdict("raw", False, f"{fault}: {message}")
    allowed = case.refused if case.refused is not None else case.may_refuse
    if allowed is None:
        return Verdict("refused", False, message)
    if not re.search(allowed, message, re.IGNORECASE):
        return Verdict("refused", False, f"does not say {allowed!r}: {message}")
    return Verdict("refused", True, message)


def unclear(message: str, model: nn.Module) -> str | None:
    """What keeps a refusal from being one clear line; None for nothing.

    A clear line names its place (the path of a module, a line of source, or the network as a
    whole) and, after a semicolon, the way out.
    """
    paths = {name for name, _ in model.named_modules() if name}
    paths |= {type(module).__name__ for module in model.modules()}
    place = message.partition(": ")[0]
    words = set(re.findall(r"[\w.]+", place))
    if "\n" in message or len(message) > LONGEST_LINE:
        return "is no line"
    if "report it" in message:
        return "blames signbit"
    if not (words & paths or re.search(r"\.py:\d+", message) or "the network" in message):
        return "names no place"
    return None if "; " in message else "names no way out"
