"""Run torch and the packed network on the same images, and count what differs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from signbit.errors import PackError
from signbit.format import PackedModel
from signbit.models import to_input
from signbit.pack._draft import Call
from signbit.pack._watch import Found, Watch
from signbit.runtime import reference

RANDOM_IMAGES = 16
# Where real numbers take part, another order of additions may turn a bit, where a sum lies on its
# threshold; more is a mistake.
MOST_TURNED = 1e-3
# Of the largest score: what another order of additions may change where every bit is the same.
MOST_SCORE_ERROR = 1e-2
# The reference holds every value of the network at once.
_BATCH = 16


class Checked(NamedTuple):
    """Bits that torch computes: those of one quantizer.

    call: of the layer or quantizer.
    node: the packed value; negated: channels in which it is the opposite.
    """

    call: Call
    node: int
    negated: NDArray[np.bool_] | None


class Comparison(NamedTuple):
    """What differs between torch and the packed network, over some images.

    bits_turned: those that differ where torch is given the packed network's bits in every layer
        before. One turned bit changes sums behind it, and with them more bits: `bits_differ`.
    score_error: largest difference of a score where torch is given these bits, as a share of the
        largest score.
    """

    images: int
    bits: int
    bits_differ: int
    bits_turned: int
    predictions_differ: int
    largest_score_difference: float
    score_error: float

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
    parts = [
        _compare(model, packed, checked, rank, images[start : start + _BATCH])
        for start in range(0, len(images), _BATCH)
    ]
    columns = list(zip(*parts, strict=True))
    # The counts, then the two largest differences.
    return Comparison(*map(sum, columns[:5]), *map(max, columns[5:]))


def _compare(
    model: nn.Module,
    packed: PackedModel,
    checked: Sequence[Checked],
    rank: int,
    images: NDArray[np.uint8],
) -> Comparison:
    inputs = to_input(torch.from_numpy(images), packed.preprocessing)
    inputs = inputs[:, :, 0] if rank == 3 else inputs
    values = reference.run(packed, images)
    found: Found = {}
    for one in checked:
        found.setdefault(one.call, []).append(_bits(one, values))
    expected, differ = _run(model, inputs, Watch(found, replace=False))
    # Only a difference needs a second look.
    given, turned = expected, 0
    if differ:
        given, turned = _run(model, inputs, Watch(found, replace=True))
    scores = values[-1].reshape(expected.shape)
    predictions = int((scores.argmax(1) != expected.argmax(1)).sum())
    total = sum(bits.size for some in found.values() for bits in some)
    size = max(float(np.abs(given[np.isfinite(given)]).max(initial=0.0)), 1.0)
    error = _largest(scores, given) / size
    largest = _largest(scores, expected)
    return Comparison(len(images), total, differ, turned, predictions, largest, error)


def _bits(one: Checked, values: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """The packed network's bits of a quantizer, a row for each image in the order of torch."""
    bits = values[one.node]
    if one.negated is not None:
        bits = bits ^ one.negated
    return bits.transpose(0, 3, 1, 2).reshape(len(bits), -1)


def require_equal(comparison: Comparison, exact: bool) -> None:
    """Raises: PackError where a network of integers differs at all, or another one too much."""
    differ = comparison.bits_differ or comparison.predictions_differ
    turned = comparison.bits_turned > MOST_TURNED * comparison.bits
    if (differ if exact else turned) or comparison.score_error > MOST_SCORE_ERROR:
        raise PackError(
            f"self-check: {comparison.bits_differ} of {comparison.bits} bits and "
            f"{comparison.predictions_differ} of {comparison.images} predictions differ from "
            f"torch's, scores by {comparison.largest_score_difference:.3g}; this is a mistake "
            "of signbit, please report it (--no-check packs anyway)"
        )


def _largest(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The largest difference; infinite where one is not finite and the other is not the same."""
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    finite = np.isfinite(found) & np.isfinite(wanted)
    with np.errstate(invalid="ignore"):
        difference = np.where(finite, np.abs(found - wanted), np.inf)
    return float(difference[~same].max(initial=0.0))


@torch.no_grad()
def _run(model: nn.Module, inputs: Tensor, watch: Watch) -> tuple[NDArray[np.float32], int]:
    """Torch's scores, and how many of the bits of its quantizers differ from those found."""
    with watch.over(model):
        scores = model(inputs).float().numpy()
    unseen = watch.found.keys() - watch.calls_seen
    if unseen:
        raise PackError(
            f"{min(unseen)[0]}: the self-check did not see its signs, as its forward pass does "
            "not take them from quantized_input; --no-check packs anyway"
        )
    return scores, watch.differ
