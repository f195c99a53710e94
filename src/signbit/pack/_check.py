"""Run torch and the packed network on the same images, and count what differs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from signbit.errors import PackError, first_line
from signbit.format import PackedModel, Preprocessing
from signbit.pack._images import made_up_images, to_batch
from signbit.pack._layout import Placed
from signbit.pack._replay import Expected, Replay
from signbit.pack._two_values import Levels
from signbit.pack._view import Result
from signbit.pack._watcher import as_written
from signbit.runtime import reference

# Where real numbers take part, another order of additions may turn a bit whose sum lies on its
# threshold. More turned bits mean a mistake.
MOST_TURNED = 1e-3
# Of the largest score, where every bit is the same: of a network of integers; of another one. What
# a relative change of NOISE in every value of two levels makes of it is added, for another one
# NOISES times.
EXACT_ERROR, REAL_ERROR, MOST_ERROR = 1e-6, 1e-5, 1e-3
NOISE, NOISES = 1e-6, 8
# The reference holds every value of the network at once: fewer images where they are large. Never
# two, the batch that was recorded, so that what depends on the number of images differs. Torch runs
# on half of them, so that what depends on the number of calls differs too.
_BATCH, _LEAST_BATCH, _PIXELS = 16, 4, 1 << 17
_DRAWS = 4


class Checked(NamedTuple):
    """Bits that torch computes, and where the packed network has them.

    node: the node of the packed value; negated: channels in which it has the opposite bits.
    placed: the place of torch's numbers in it.
    """

    result: Result
    node: int
    negated: NDArray[np.bool_] | None
    placed: Placed
    levels: Levels


class Comparison(NamedTuple):
    """The differences between torch and the packed network, over some images.

    made_up, samples: number of images of each kind.
    bits_differ: bits that differ. One turned bit changes the sums after it, and so more bits.
    bits_turned: bits that still differ where torch gets the packed network's bits in every layer
        before.
    bits_unsteady: the turned bits that a relative change of NOISE also turns in torch itself.
    score_error: largest difference of a score where torch gets these bits, as a share of the
        largest score; allowed_error: the bound on it.
    """

    made_up: int
    samples: int
    bits: int
    bits_differ: int
    bits_turned: int
    bits_unsteady: int
    predictions_differ: int
    largest_score_difference: float
    score_error: float
    allowed_error: float

    @property
    def images(self) -> int:
        """The number of all images."""
        return self.made_up + self.samples

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the packed file."""
        return {"images": self.images} | self._asdict()


class _Part(NamedTuple):
    """The counts and the largest differences of one batch."""

    bits: int
    differ: int
    turned: int
    unsteady: int
    predictions: int
    difference: float
    error: float
    change: float


def compare(
    model: nn.Module,
    packed: PackedModel,
    checked: Sequence[Checked],
    rank: int,
    samples: NDArray[np.uint8] | None,
    exact: bool,
) -> Comparison:
    """Run both on made-up images and on the given samples.  rank: the rank of torch's input."""
    height, width = packed.preprocessing.size
    made_up = made_up_images(packed.preprocessing)
    images = made_up if samples is None else np.concatenate([made_up, samples])
    batch = min(max(_PIXELS // (height * width), _LEAST_BATCH), _BATCH)
    call = max(batch // 2, _LEAST_BATCH)
    parts, sizes = [], set[int]()
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        inputs = to_batch(part, packed.preprocessing, rank)
        values = reference.run(packed, part)
        for at in range(0, len(part), call):
            some = slice(at, at + call)
            few = inputs[some]
            of_few = [one[some] for one in values]
            parts.append(_compare(model, few, of_few, checked, exact, len(few) not in sizes))
            sizes.add(len(few))
    columns = list(zip(*parts, strict=True))
    bits, differ, turned, unsteady, predictions = map(sum, columns[:5])
    difference, error, change = map(max, columns[5:])
    # Of a network of integers only the end is rounded, so one change like the noise explains it.
    allowed = EXACT_ERROR + change if exact else REAL_ERROR + NOISES * change
    return Comparison(
        len(made_up),
        len(images) - len(made_up),
        bits,
        differ,
        turned,
        unsteady,
        predictions,
        difference,
        error,
        min(allowed, MOST_ERROR),
    )


def _compare(
    model: nn.Module,
    inputs: Tensor,
    values: Sequence[NDArray[Any]],
    checked: Sequence[Checked],
    exact: bool,
    first: bool,
) -> _Part:
    """values: every one of the packed network for the same images. first: of their number."""
    expected = {one.result.call.position: _expected(one, values[one.node]) for one in checked}
    replay, wanted = _beside(model, inputs, expected, values[-1], exact, first)
    _require_two_values(expected, replay)
    scores = values[-1].reshape(wanted.shape)
    predictions = int((scores.argmax(1) != wanted.argmax(1)).sum())
    # The next runs are needed only where something differs.
    given, turned, unsteady, change = wanted, 0, 0, 0.0
    again = Replay(expected, replace=True)
    if replay.differ:
        given, turned = _run(model, inputs, again), again.differ
    size = _largest_size(given)
    error = _largest(scores, given) / size
    bits = sum(one.values.size for one in expected.values())
    steady = EXACT_ERROR if exact else REAL_ERROR
    if error > steady or (turned > MOST_TURNED * bits and not exact):
        still = given if replay.differ else _run(model, inputs, again)
        unsteady, change = _shaken(model, inputs, again, still)
        change /= size
    difference = _largest(scores, wanted)
    return _Part(bits, replay.differ, turned, unsteady, predictions, difference, error, change)


def _beside(
    model: nn.Module,
    inputs: Tensor,
    expected: Mapping[int, Expected],
    scores: NDArray[np.float32],
    exact: bool,
    first: bool,
) -> tuple[Replay, NDArray[np.float32]]:
    """Torch's run, beside the values expected, and its scores.

    A network may make something new for another number of images, on the first call with it: where
    that call differs, the second one counts.
    """
    if first:
        replay = Replay(expected)
        with suppress(PackError):
            wanted = _run(model, inputs, replay)
            if replay.alike and _is_close(scores, wanted, exact):
                return replay, wanted
    replay = Replay(expected)
    return replay, _run(model, inputs, replay)


def _is_close(scores: NDArray[np.float32], wanted: NDArray[np.float32], exact: bool) -> bool:
    bound = EXACT_ERROR if exact else REAL_ERROR
    found = scores.reshape(-1)
    return found.size == wanted.size and (
        _largest(found, wanted.reshape(-1)) <= bound * _largest_size(wanted)
    )


def _shaken(
    model: nn.Module, inputs: Tensor, still: Replay, scores: NDArray[np.float32]
) -> tuple[int, float]:
    """How many of the differing bits are turned by small changes in torch, and how far scores move.

    still, scores: the results of a replay with the packed network's bits and without changes.
    """
    turns = {position: np.zeros_like(off) for position, off in still.off.items()}
    moved = 0.0
    for draw in range(_DRAWS):
        noise = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(draw))
        shaken = Replay(still.expected, replace=True, noise=NOISE, seed=draw)
        moved = max(moved, _largest(_run(model, inputs * (1 + NOISE * noise), shaken), scores))
        for position, high in shaken.high.items():
            turns[position] |= high != still.high[position]
    return sum(int((still.off[one] & turns[one]).sum()) for one in turns), moved


def _expected(one: Checked, bits: NDArray[Any]) -> Expected:
    """The numbers of a value of two levels in the packed network, in torch's form."""
    bits = bits if one.negated is None else bits ^ one.negated
    low, high = one.levels.low.numpy(), one.levels.high.numpy()
    shape = one.result.shape
    # The batch may be a factor of the first dimension above 1.
    batch = next(axis for axis, side in enumerate(shape) if side > 1)
    copies = 1 if shape[batch] == 2 else len(bits)

    def in_torch(values: NDArray[Any]) -> NDArray[np.float32]:
        flat = np.ascontiguousarray(values).reshape(len(values), -1)
        placed = flat[:, one.placed.places().reshape(-1).numpy()]
        return placed.reshape(*shape[:batch], -1, *shape[batch + 1 :]).astype(np.float32)

    middle, distance = (low + high) / 2, (high - low) / 2
    whole = (copies, *one.placed.step.size)
    return Expected(
        one.result.call.place,
        one.result.call.operator,
        in_torch(np.where(bits, high, low)),
        in_torch(np.broadcast_to(middle, whole)),
        in_torch(np.broadcast_to(distance, whole)),
    )


def _require_two_values(expected: Mapping[int, Expected], replay: Replay) -> None:
    for position, count in replay.between.items():
        one = expected[position]
        raise PackError(
            f"{one.place}: {one.operator} gave a third value, between its two, {count} times of "
            f"{one.values.size} in the self-check, where a bit has two; write "
            "torch.where(x > 0, 1.0, -1.0), or with >=, in the place of torch.sign"
        )


def require_steady(model: nn.Module, preprocessing: Preprocessing, rank: int) -> None:
    """Raises: PackError where torch's scores for an image change with the batch or the call."""
    images = made_up_images(preprocessing)[:4]
    inputs = to_batch(images, preprocessing, rank)
    first, again = (_run(model, inputs, Replay({})) for _ in range(2))
    alone = np.concatenate(
        [_run(model, inputs[:1], Replay({})), _run(model, inputs[1:], Replay({}))]
    )
    size = _largest_size(first)
    for scores, how in ((again, "on a second call"), (alone, "in another batch")):
        if _largest(scores, first) > MOST_ERROR * size:
            raise PackError(
                f"the network gives the same images other scores {how}; leave out what depends on "
                "chance, on earlier calls or on the number of images"
            )


def is_equal(comparison: Comparison, exact: bool) -> bool:
    """Whether nothing differs (a network of integers), or little enough (any other network)."""
    differ = comparison.bits_differ or comparison.predictions_differ
    mistakes = comparison.bits_turned - comparison.bits_unsteady
    turned = mistakes > MOST_TURNED * comparison.bits
    return not (differ if exact else turned) and (
        comparison.score_error <= comparison.allowed_error
    )


def require_equal(comparison: Comparison, exact: bool) -> None:
    """Raises: PackError where torch and the packed network are not equal."""
    if is_equal(comparison, exact):
        return
    found = (
        f"{comparison.bits_differ} of {comparison.bits} bits and "
        f"{comparison.predictions_differ} of {comparison.images} predictions differ from "
        f"torch's, scores by {comparison.largest_score_difference:.3g} "
        f"({comparison.score_error:.2g} of the largest, where {comparison.allowed_error:.2g} "
        "is allowed)"
    )
    if exact:
        raise PackError(
            f"self-check: {found}; this is a mistake of signbit, please report it (--no-check "
            "packs anyway)"
        )
    raise PackError(
        f"the network: self-check: {found}; real values may lie on their thresholds, as those of "
        "flat images after a norm, where rounding decides: shift them with a bias (--no-check "
        "packs anyway)"
    )


def _largest_size(scores: NDArray[np.float32]) -> float:
    """Of the finite ones; above zero, to divide by."""
    return max(float(np.abs(scores[np.isfinite(scores)]).max(initial=0.0)), 1e-30)


def _largest(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The largest difference; infinite where one is not finite and the other is not the same."""
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    finite = np.isfinite(found) & np.isfinite(wanted)
    with np.errstate(invalid="ignore"):
        difference = np.where(finite, np.abs(found - wanted), np.inf)
    return float(difference[~same].max(initial=0.0))


@torch.no_grad()
def _run(model: nn.Module, inputs: Tensor, replay: Replay) -> NDArray[np.float32]:
    """The scores that the module returns when it is called."""
    # A network may change its input in place.
    own = inputs.clone()
    try:
        with as_written(), replay:
            scores = model(own)
    except PackError:
        raise
    except Exception as error:
        raise PackError(
            f"{type(model).__name__} runs on a batch of two, and not on one of {len(own)}: "
            f"{first_line(error)}; let it run on batches of any size"
        ) from error
    return scores.float().numpy()
