"""Run torch and the packed network on the same images, and count what differs."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from signbit.errors import PackError, first_line
from signbit.format import Input, Output, PackedModel
from signbit.format.signature import CLASSES, NUMBERS
from signbit.pack._layout import Placed
from signbit.pack._outputs import Run
from signbit.pack._replay import Expected, Replay
from signbit.pack._samples import made_up_samples, to_tensor
from signbit.pack._two_values import Levels
from signbit.pack._view import Result
from signbit.pack._watcher import as_written
from signbit.runtime import reference

# Where real numbers take part, another order of additions may turn a bit whose sum lies on its
# threshold. More turned bits mean a mistake.
MOST_TURNED = 1e-3
# The largest allowed error of an output, as a share of its largest number, where every bit is the
# same: for a network of integers, for any other network, and the bound on both. A relative change
# of NOISE in every value of two levels also changes the output. The allowed error grows by this
# change for a network of integers, and by NOISES times this change for any other network.
EXACT_ERROR, REAL_ERROR, MOST_ERROR = 1e-6, 1e-5, 1e-3
# A file adds the numbers of a mean one after the other, torch in another order. The error grows
# with each addition, by half a unit in the last place of float32.
ADDITION_ERROR = 2.0**-24
NOISE, NOISES = 1e-6, 8
# The reference holds every value of the network at once, so a batch has fewer images where they are
# large. It never has two images, as the recorded batch has, so what depends on the number of images
# differs. Torch runs on half of a batch, so what depends on the number of calls differs too.
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

    made_up, samples: number of samples of each kind.
    bits_differ: bits that differ. One turned bit changes the sums after it, and so more bits.
    bits_turned: bits that still differ where torch gets the packed network's bits in every layer
        before.
    bits_unsteady: the turned bits that a relative change of NOISE also turns in torch itself.
    predictions_differ: samples whose classes or labels differ.
    score_error: largest difference of an output's number where torch gets these bits, as a share
        of its largest number; allowed_error: the bound on it.
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
    run: Run,
    packed: PackedModel,
    checked: Sequence[Checked],
    inputs: Sequence[Input],
    samples: Sequence[NDArray[Any]] | None,
    exact: bool,
) -> Comparison:
    """Run both on made-up samples and on the given ones.

    inputs: with the shapes of torch, channels last. In the file, a shape may also have a height
        of 1.
    samples: an array for each input.
    """
    arrays = made_up_samples(inputs)
    made_up = len(arrays[0])
    if samples is not None:
        own = zip(inputs, arrays, samples, strict=True)
        arrays = [np.concatenate([made, a.reshape(-1, *one.shape)]) for one, made, a in own]
    positions = max(one.type.positions for one in inputs)
    batch = min(max(_PIXELS // positions, _LEAST_BATCH), _BATCH)
    call = max(batch // 2, _LEAST_BATCH)
    parts, sizes = [], set[int]()
    for start in range(0, len(arrays[0]), batch):
        part = [array[start : start + batch] for array in arrays]
        tensors = [to_tensor(one, array) for one, array in zip(inputs, part, strict=True)]
        of_file = zip(packed.inputs, part, strict=True)
        values = reference.run(packed, {one.name: a.reshape(-1, *one.shape) for one, a in of_file})
        for at in range(0, len(part[0]), call):
            some = slice(at, at + call)
            few = [one[some] for one in tensors]
            of_few = [one[some] for one in values]
            new = len(few[0]) not in sizes
            parts.append(_compare(run, few, of_few, checked, packed.outputs, exact, new))
            sizes.add(len(few[0]))
    columns = list(zip(*parts, strict=True))
    bits, differ, turned, unsteady, predictions = map(sum, columns[:5])
    difference, error, change = map(max, columns[5:])
    # In a network of integers only the end is rounded, so one change like the noise explains it.
    rounding = EXACT_ERROR if exact else REAL_ERROR + ADDITION_ERROR * _most_averaged(packed)
    allowed = rounding + (change if exact else NOISES * change)
    return Comparison(
        made_up,
        len(arrays[0]) - made_up,
        bits,
        differ,
        turned,
        unsteady,
        predictions,
        difference,
        error,
        min(allowed, MOST_ERROR),
    )


def _most_averaged(packed: PackedModel) -> int:
    """The most real numbers that one mean or sum adds, a whole map for example."""
    counts = [0]
    for number, node in packed.numbered():
        if node.op == "avg_pool":
            counts.append(math.prod(node.attributes["kernel"]))
        elif node.op == "reduce" and node.attributes["function"] != "maximum":
            source, given = packed.types[node.inputs[0]], packed.types[number]
            counts.append(source.elements // given.elements)
    return max(counts)


def _compare(
    run: Run,
    inputs: Sequence[Tensor],
    values: Sequence[NDArray[Any]],
    checked: Sequence[Checked],
    outputs: Sequence[Output],
    exact: bool,
    first: bool,
) -> _Part:
    """Compare one batch.

    values: all values of the packed network for the same samples.
    first: whether this is the first batch of its size.
    """
    expected = {one.result.call.position: _expected(one, values[one.node]) for one in checked}
    scores = [values[one.node] for one in outputs]
    replay, wanted = _beside(run, inputs, expected, scores, exact, first)
    _require_two_values(expected, replay)
    scores = _as_torch(scores, wanted)
    # The next runs are needed only where something differs.
    given, turned, unsteady, change = wanted, 0, 0, 0.0
    again = Replay(expected, replace=True)
    if replay.differ:
        given, turned = _run(run, inputs, again), again.differ
    error = _error(scores, given)
    bits = sum(one.values.size for one in expected.values())
    steady = EXACT_ERROR if exact else REAL_ERROR
    if error > steady or (turned > MOST_TURNED * bits and not exact):
        still = given if replay.differ else _run(run, inputs, again)
        unsteady, change = _shaken(run, inputs, again, still)
    predictions = _other_decisions(outputs, scores, wanted)
    difference = max(map(_largest, scores, wanted))
    return _Part(bits, replay.differ, turned, unsteady, predictions, difference, error, change)


def _as_torch(
    values: Sequence[NDArray[Any]], wanted: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """Values of the graph, (N, H, W, C), in the shapes of torch's outputs."""
    both = zip(values, wanted, strict=True)
    return [np.moveaxis(value, -1, 1).reshape(one.shape) for value, one in both]


def _other_decisions(
    outputs: Sequence[Output],
    scores: Sequence[NDArray[np.float32]],
    wanted: Sequence[NDArray[np.float32]],
) -> int:
    """The samples whose classes or labels are not torch's."""
    differ = np.zeros(len(scores[0]), bool)
    for output, mine, torchs in zip(outputs, scores, wanted, strict=True):
        if output.kind == NUMBERS:
            continue
        decided = (
            (mine.argmax(1), torchs.argmax(1)) if output.kind == CLASSES else (mine > 0, torchs > 0)
        )
        other = decided[0] != decided[1]
        differ |= other.reshape(len(other), -1).any(1)
    return int(differ.sum())


def _beside(
    run: Run,
    inputs: Sequence[Tensor],
    expected: Mapping[int, Expected],
    scores: Sequence[NDArray[np.float32]],
    exact: bool,
    first: bool,
) -> tuple[Replay, list[NDArray[np.float32]]]:
    """Torch's run, compared with the expected values, and its outputs.

    On the first call with another number of samples, a network may create something new. Where that
    call differs, the second one counts.
    """
    if first:
        replay = Replay(expected)
        with suppress(PackError):
            wanted = _run(run, inputs, replay)
            if replay.alike and _is_close(scores, wanted, exact):
                return replay, wanted
    replay = Replay(expected)
    return replay, _run(run, inputs, replay)


def _is_close(
    scores: Sequence[NDArray[np.float32]], wanted: Sequence[NDArray[np.float32]], exact: bool
) -> bool:
    bound = EXACT_ERROR if exact else REAL_ERROR
    same = all(one.size == other.size for one, other in zip(scores, wanted, strict=True))
    return same and _error(_as_torch(scores, wanted), wanted) <= bound


def _shaken(
    run: Run, inputs: Sequence[Tensor], still: Replay, scores: Sequence[NDArray[np.float32]]
) -> tuple[int, float]:
    """How many of the differing bits small changes in torch also turn, and how far scores move.

    still, scores: the results of a replay with the packed network's bits and without changes.
    """
    turns = {position: np.zeros_like(off) for position, off in still.off.items()}
    moved = 0.0
    for draw in range(_DRAWS):
        generator = torch.Generator().manual_seed(draw)
        noisy = [one * (1 + NOISE * torch.randn(one.shape, generator=generator)) for one in inputs]
        shaken = Replay(still.expected, replace=True, noise=NOISE, seed=draw)
        moved = max(moved, _error(_run(run, noisy, shaken), scores))
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
            f"{one.place}: {one.operator} gave a third value, between its two, {count} times out "
            f"of {one.values.size} in the self-check, but a bit has only two values; write "
            "torch.where(x > 0, 1.0, -1.0), or the same with >=, instead of torch.sign"
        )


def require_steady(run: Run, inputs: Sequence[Input]) -> None:
    """Raises: PackError where torch's outputs for a sample change with the batch or the call."""
    made_up = zip(inputs, made_up_samples(inputs), strict=True)
    tensors = [to_tensor(one, array[:4]) for one, array in made_up]
    first, again = (_run(run, tensors, Replay({})) for _ in range(2))
    parts = [
        _run(run, [one[some] for one in tensors], Replay({})) for some in (slice(1), slice(1, None))
    ]
    alone = [np.concatenate(both) for both in zip(*parts, strict=True)]
    for scores, how in ((again, "on a second call"), (alone, "in another batch")):
        if _error(scores, first) > MOST_ERROR:
            raise PackError(
                f"the network gives different scores for the same images {how}; leave out what "
                "depends on chance, on earlier calls or on the number of images"
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
        f"torch's, and scores by {comparison.largest_score_difference:.3g} "
        f"({comparison.score_error:.2g} of the largest score; {comparison.allowed_error:.2g} "
        "is allowed)"
    )
    if exact:
        raise PackError(
            f"self-check: {found}; this is a mistake in signbit, please report it (--no-check "
            "packs anyway)"
        )
    raise PackError(
        f"the network: self-check: {found}; real values may lie exactly on a threshold, where "
        "rounding decides, such as those of flat images after a norm: shift them with a bias "
        "(--no-check packs anyway)"
    )


def _error(found: Sequence[NDArray[np.float32]], wanted: Sequence[NDArray[np.float32]]) -> float:
    """The largest difference of an output as a share of its largest number."""
    return max(
        _largest(one, other) / _largest_size(other)
        for one, other in zip(found, wanted, strict=True)
    )


def _largest_size(scores: NDArray[np.float32]) -> float:
    """The largest magnitude of the finite scores. It is above zero, because it is a divisor."""
    return max(float(np.abs(scores[np.isfinite(scores)]).max(initial=0.0)), 1e-30)


def _largest(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The largest difference; infinite where one is not finite and the other is not the same."""
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    finite = np.isfinite(found) & np.isfinite(wanted)
    with np.errstate(invalid="ignore"):
        difference = np.where(finite, np.abs(found - wanted), np.inf)
    return float(difference[~same].max(initial=0.0))


@torch.no_grad()
def _run(run: Run, inputs: Sequence[Tensor], replay: Replay) -> list[NDArray[np.float32]]:
    """The outputs of the module when it is called."""
    # A network may change its input in place.
    own = [one.clone() for one in inputs]
    try:
        with as_written(), replay:
            outputs = run(*own)
    except PackError:
        raise
    except Exception as error:
        raise PackError(
            f"{type(run.model).__name__} runs on a batch of two, but not on one of {len(own[0])}: "
            f"{first_line(error)}; let it run on batches of any size"
        ) from error
    return [one.float().numpy() for one in outputs]
