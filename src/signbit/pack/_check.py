"""Run torch and the packed network on the same images, and count what differs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from signbit.errors import PackError
from signbit.format import PackedModel
from signbit.layers import BinaryLayer
from signbit.models import to_input
from signbit.quantizers import AbstractQuantizer
from signbit.runtime import reference

RANDOM_IMAGES = 16
# Where real numbers take part, another order of additions may turn a bit; more is a mistake.
MOST_DIFFERING = 1e-3


class Checked(NamedTuple):
    """Bits that torch computes: those of one quantizer.

    origin: path of the layer or quantizer.
    node: the packed value; negated: channels in which it is the opposite.
    """

    origin: str
    node: int
    negated: NDArray[np.bool_] | None


class Comparison(NamedTuple):
    """What differs between torch and the packed network, over some images."""

    images: int
    bits: int
    bits_differ: int
    predictions_differ: int
    largest_score_difference: float

    def to_dict(self) -> dict[str, Any]:
        """For the file."""
        return self._asdict()


def compare(
    model: nn.Module,
    packed: PackedModel,
    checked: Sequence[Checked],
    rank: int,
    samples: NDArray[np.uint8] | None,
) -> Comparison:
    """Run both on random images and on the given samples; rank: that of torch's input."""
    height, width = packed.preprocessing.size
    shape = (RANDOM_IMAGES, height, width, packed.preprocessing.channels)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if samples is not None:
        images = np.concatenate([images, samples])
    with torch.no_grad(), _recorded_signs(model) as recorded:
        inputs = to_input(torch.from_numpy(images), packed.preprocessing)
        expected = model(inputs[:, :, 0] if rank == 3 else inputs).float().numpy()
    values = reference.run(packed, images)
    total = differ = 0
    for one in checked:
        found = values[one.node]
        if one.negated is not None:
            found = found ^ one.negated
        found = found.transpose(0, 3, 1, 2).reshape(len(images), -1)
        wanted = recorded[one.origin].reshape(len(images), -1).numpy() > 0
        total, differ = total + wanted.size, differ + int((found != wanted).sum())
    scores = values[-1].reshape(expected.shape)
    predictions = int((scores.argmax(1) != expected.argmax(1)).sum())
    return Comparison(len(images), total, differ, predictions, _largest(scores, expected))


def require_equal(comparison: Comparison, exact: bool) -> None:
    """Raises: PackError where a network of integers differs at all, or another one too much."""
    allowed = 0 if exact else MOST_DIFFERING * comparison.bits
    if comparison.bits_differ > allowed or (exact and comparison.predictions_differ):
        raise PackError(
            f"self-check: {comparison.bits_differ} of {comparison.bits} bits and "
            f"{comparison.predictions_differ} of {comparison.images} predictions differ from "
            "torch's; this is a mistake of signbit, please report it (--no-check packs anyway)"
        )


def _largest(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    both = np.isfinite(found) & np.isfinite(wanted)
    difference = np.abs(np.where(both, found, 0.0) - np.where(both, wanted, 0.0))
    return float(difference.max(initial=0.0))


@contextmanager
def _recorded_signs(model: nn.Module) -> Iterator[Mapping[str, Tensor]]:
    """What every quantizer of an input gives, by the path of its layer."""
    recorded: dict[str, Tensor] = {}
    hooks = []
    for path, module in model.named_modules():
        quantizer = module.input_quantizer if isinstance(module, BinaryLayer) else module
        alone = isinstance(module, AbstractQuantizer) and ".input_quantizer" not in f".{path}"
        if isinstance(quantizer, AbstractQuantizer) and (isinstance(module, BinaryLayer) or alone):

            def record(_: Any, __: Any, output: Tensor, path: str = path) -> None:
                recorded[path] = output

            hooks.append(quantizer.register_forward_hook(record))
    try:
        yield recorded
    finally:
        for hook in hooks:
            hook.remove()
