"""Pack a network and say whether that was right."""

import re
import traceback
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from signbit.errors import PackError
from signbit.pack import pack
from signbit.runtime.engine import Engine
from tests.pack.corpus._case import Case
from tests.pack.corpus._images import images_for
from tests.pack.corpus._truth import REAL_ERROR, Truth, truth

# Of the largest score, in networks of integers: the last scale and bias, in another order.
EXACT_ERROR = 1e-6
LONGEST_LINE = 400


class Verdict(NamedTuple):
    """What became of a network.

    kind: "packed" (and right), "refused" (in one clear line), "wrong" (other numbers), "raw"
        (another exception, or a refusal that is no clear line).
    expected: whether that is what the case demands.
    """

    kind: str
    expected: bool
    detail: str = ""


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
    if _differ(before, model.state_dict()):
        return Verdict("raw", False, "pack changed the module's parameters or buffers")
    if case.refused is not None:
        return Verdict("wrong", False, f"packed; must be refused: {case.refused}")
    # A module that pack has not seen.
    wanted = truth(case, case.model())
    return compare(wanted, scores, EXACT_ERROR if case.integers else REAL_ERROR)


def _differ(before: dict[str, Tensor], after: dict[str, Tensor]) -> bool:
    equal = (
        torch.allclose(before[k], after[k], 0, 0, equal_nan=True) for k in before.keys() & after
    )
    return before.keys() != after.keys() or not all(equal)


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
