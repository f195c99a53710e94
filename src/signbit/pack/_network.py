"""Read a recording: each result of torch as numbers of steps."""

from collections.abc import Sequence
from hashlib import blake2b

import torch
from torch import Tensor

from signbit.errors import PackError
from signbit.pack._draft import Concat, Given, Step
from signbit.pack._fold import Folding
from signbit.pack._joined_constants import fill_for, with_constants
from signbit.pack._layout import FILL, Placed, as_map, as_row, placed, usual_places, usual_size
from signbit.pack._place import Place
from signbit.pack._record import Recording
from signbit.pack._view import CONSTANT, OperatorCall, Result, View


class Network:
    """The results of torch that were read so far.

    folding: says which of the steps are bits.

    A batch of two runs through the network. Each number of the second image must be the
    counterpart of a number of the first.
    """

    def __init__(self, recording: Recording, given: Sequence[Given], folding: Folding):
        self.folding = folding
        self._placed: dict[Result, Placed] = {
            result: Placed(step, tuple(result.shape[1:]))
            for result, step in zip(recording.inputs, given, strict=True)
        }
        self._read: dict[tuple[tuple[int, ...], bytes], Placed] = {}
        self._results: list[Result] = list(recording.inputs)
        self._starts = [result.first for result in recording.inputs]

    def add(self, call: OperatorCall, values: Sequence[Placed | None]) -> None:
        """Add the values that a rule found for the results of a call."""
        for result, value in zip(call.results, values, strict=False):
            if value is not None:
                self._placed[result] = value

    def know(self, call: OperatorCall) -> None:
        """Number the elements of the results of a call."""
        for result in call.results:
            self._results.append(result)
            self._starts.append(result.first)

    def placed(self, result: Result) -> Placed | None:
        """The step and places of a result; None where no rule gave them."""
        return self._placed.get(result)

    def read(self, view: View, place: Place, shape: tuple[int, ...] | None = None) -> Placed:
        """The numbers of an image that a tensor holds.

        shape: the shape that torch broadcasts the tensor to.

        Raises: PackError where images of a batch are mixed.
        """
        shape = view.shape if shape is None else shape
        if view.whole is not None and shape == view.shape:
            return self._known(view.whole, place)
        elements = view.numbered().expand(shape)
        if view.constants is not None:
            return self._gathered(elements, view.constants.expand(shape), place)
        # Two readers of a joined or moved value share one step.
        numbers = elements.contiguous().numpy()
        key = shape, blake2b(numbers.data, digest_size=16).digest()
        if key not in self._read:
            self._read[key] = self._gathered(elements, None, place)
        return self._read[key]

    def _known(self, result: Result, place: Place) -> Placed:
        if result not in self._placed:
            call = result.call
            raise PackError(
                f"{place}: reads output {result.output} of {call.operator} of {call.place}, which "
                "cannot be packed; use only the first of its outputs"
            )
        return self._placed[result]

    def _gathered(self, elements: Tensor, constants: Tensor | None, place: Place) -> Placed:
        if not elements.numel():
            raise PackError(
                f"{place}: reads a tensor of shape {tuple(elements.shape)}, which is without "
                "numbers; leave it out"
            )
        shape = image_shape(tuple(elements.shape), place)
        numbers = split(elements, place)[0]
        known = numbers != CONSTANT
        if not torch.equal(known, split(elements, place)[1] != CONSTANT):
            raise PackError(
                f"{place}: does not do the same to each image of a batch; keep the batch as the "
                "first dimension"
            )
        owners = torch.bucketize(numbers.contiguous(), torch.tensor(self._starts), right=True) - 1
        used = [int(one) for one in owners[known].unique()]
        if not used:
            raise PackError(
                f"{place}: its result is the same for every image; let it depend on the input"
            )
        sources = [self._known(self._results[one], place) for one in used]
        index = torch.full_like(numbers, FILL)
        for owner, source in zip(used, sources, strict=True):
            mine = owners == owner
            result = self._results[owner]
            flat = (numbers - result.first)[mine]
            index[mine] = source.places().reshape(-1)[
                self._place_in_image(result, flat, elements, mine, place)
            ]
        if any(source.fill is not None for source in sources):
            sources = [_without_fill(source, place) for source in sources]
            return self._gathered_again(elements, constants, place, used, sources)
        fill, several = _filling(split_values(constants, elements, place), known)
        if len(used) == 1:
            found = placed(sources[0].step, shape, index, fill)
            found = _repeated(found, place) if found.index is not None else found
        else:
            steps = [one.step for one in sources]
            found = _joined(steps, owners, used, known, index, shape, fill, place)
        return found if several is None else with_constants(found, several, known, place)

    def _gathered_again(
        self,
        elements: Tensor,
        constants: Tensor | None,
        place: Place,
        used: Sequence[int],
        sources: Sequence[Placed],
    ) -> Placed:
        """Gather again, from sources that are separate maps."""
        for owner, source in zip(used, sources, strict=True):
            self._placed[self._results[owner]] = source
        return self._gathered(elements, constants, place)

    def _place_in_image(
        self, result: Result, flat: Tensor, elements: Tensor, mine: Tensor, place: Place
    ) -> Tensor:
        """The places of numbers in the first image. The second image must have the same places."""
        count = result.count // 2
        other = split(elements, place)[1][mine] - result.first
        if bool((flat >= count).any()) or not torch.equal(other, flat + count):
            raise PackError(
                f"{place}: mixes the images of a batch; keep the batch as the first dimension"
            )
        return flat


def image_shape(shape: tuple[int, ...], place: Place) -> tuple[int, ...]:
    """A shape without its batch of two, which is a factor of the first dimension above 1."""
    for axis, side in enumerate(shape):
        if side == 1:
            continue
        if side % 2:
            break
        return shape[axis + 1 :] if side == 2 else (side // 2, *shape[axis + 1 :])
    raise PackError(
        f"{place}: gives a value of shape {shape} for a batch of 2, in which no image has a part "
        "of its own; keep the batch as the first dimension"
    )


def split(values: Tensor, place: Place) -> tuple[Tensor, Tensor]:
    """The numbers of the first image and of the second, each in torch's order."""
    image_shape(tuple(values.shape), place)
    first, second = values.reshape(2, -1)
    return first, second


def split_values(constants: Tensor | None, elements: Tensor, place: Place) -> Tensor | None:
    """The constants of an image. Only the places that hold constants are compared."""
    if constants is None:
        return None
    first, second = split(constants, place)
    known, _ = split(elements, place)
    same = (first == second) | (first.isnan() & second.isnan())
    if not bool((same | (known != CONSTANT)).all()):
        raise PackError(
            f"{place}: constants differ between the images of a batch; give one for all"
        )
    return first


def _filling(constants: Tensor | None, known: Tensor) -> tuple[float | None, Tensor | None]:
    """The number to put between those of an image, and the constants, where they are several."""
    if bool(known.all()):
        return None, None
    assert constants is not None
    held = constants[~known]
    if len(held.unique()) == 1:
        return float(held[0]), None
    return fill_for(held), constants


def _without_fill(source: Placed, place: Place) -> Placed:
    return (
        Placed(as_map(source, place), source.shape)
        if len(source.shape) <= 3
        else as_row(source, place)
    )


def _repeated(value: Placed, place: Place) -> Placed:
    """A map with the channels of its step several times, as a join of the step with itself."""
    times, rest = divmod(len(value.places()) if value.shape else 0, value.step.size[2])
    if times < 2 or rest or len(value.shape) > 3 or value.fill is not None:
        return value
    one = (value.step.size[2], *value.shape[1:])
    if usual_size(one) != value.step.size:
        return value
    if not torch.equal(value.places(), torch.cat([usual_places(one)] * times)):
        return value
    height, width, channels = value.step.size
    size = (height, width, times * channels)
    return Placed(Concat(place, (value.step,) * times, size), value.shape)


def _joined(
    steps: Sequence[Step],
    owners: Tensor,
    used: Sequence[int],
    known: Tensor,
    index: Tensor,
    shape: tuple[int, ...],
    fill: float | None,
    place: Place,
) -> Placed:
    """Numbers of several steps. Their channels are joined, where torch's order allows it."""
    runs = _channel_runs(owners.reshape(shape), known.reshape(shape))
    by_channel = index.reshape(shape)
    if runs is not None and len(shape) <= 3:
        parts = [
            as_map(
                placed(
                    steps[used.index(owner)],
                    (stop - start, *shape[1:]),
                    by_channel[start:stop],
                ),
                place,
            )
            for owner, start, stop in runs
        ]
        height, width, _ = parts[0].size
        size = (height, width, sum(part.size[2] for part in parts))
        return Placed(Concat(place, tuple(parts), size), shape)
    rows, offset = [], 0
    moved = index.clone()
    for owner, step in zip(used, steps, strict=True):
        rows.append(_row_of(step, place))
        moved[(owners == owner) & known] += offset
        offset += step.elements
    joined = Concat(place, tuple(rows), (1, 1, offset))
    return placed(joined, shape, moved.reshape(shape), fill)


def _row_of(step: Step, place: Place) -> Step:
    if step.size[:2] == (1, 1):
        return step
    return as_map(Placed(step, (step.elements,), torch.arange(step.elements)), place)


def _channel_runs(owners: Tensor, known: Tensor) -> list[tuple[int, int, int]] | None:
    """(owner, first channel, end), if each channel is of a single source and has no constants."""
    if not bool(known.all()) or owners.ndim == 0:
        return None
    by_channel = owners.reshape(len(owners), -1)
    if not bool((by_channel == by_channel[:, :1]).all()):
        return None
    runs: list[tuple[int, int, int]] = []
    for channel, owner in enumerate(by_channel[:, 0].tolist()):
        if runs and runs[-1][0] == owner:
            runs[-1] = (owner, runs[-1][1], channel + 1)
        else:
            runs.append((owner, channel, channel + 1))
    return runs
