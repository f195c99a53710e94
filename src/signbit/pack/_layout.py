"""The places of torch's numbers in the maps of steps.

Torch may see a map in any shape and order. The places of its numbers are kept. A step that moves
numbers is made only where an operation needs them in the usual order.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from signbit.pack._draft import Flatten, Move, Size, Step
from signbit.pack._place import Place

FILL = -1


@dataclass(frozen=True, eq=False)
class Placed:
    """The numbers of an image in a tensor of torch, as numbers of a step.

    shape: torch's shape, without the batch.
    index: for each number its place in the step's map (row, column, channel), FILL for `fill`;
        None for the usual layout: (C,), (C, L) or (C, H, W).
    """

    step: Step
    shape: tuple[int, ...]
    index: Tensor | None = None
    fill: float | None = None

    def places(self) -> Tensor:
        """The index, also for the usual layout."""
        return usual_places(self.shape) if self.index is None else self.index

    @property
    def lies_in_step(self) -> bool:
        """Whether the step holds all its numbers, and a usual layout has the size of the step."""
        if self.index is None:
            return usual_size(self.shape) == self.step.size
        least = 0 if self.fill is None else FILL
        inside = (self.index >= least) & (self.index < self.step.elements)
        return self.index.shape == self.shape and bool(inside.all())

    @property
    def covers(self) -> bool:
        """Whether it has each number of the map exactly once."""
        if self.index is None:
            return True
        if self.index.numel() != self.step.elements or self.fill is not None:
            return False
        seen = torch.zeros(self.step.elements, dtype=torch.bool)
        seen[self.index.reshape(-1)] = True
        return bool(seen.all())


def usual_size(shape: tuple[int, ...]) -> Size | None:
    """Height, width and channels of torch's (C,), (C, L) or (C, H, W); None for other ranks."""
    if len(shape) > 3:
        return None
    channels, *sides = shape or (1,)
    height, width = [1] * (2 - len(sides)) + sides
    return height, width, channels


def usual_places(shape: tuple[int, ...]) -> Tensor:
    """Places of the usual layout."""
    size = usual_size(shape)
    assert size is not None
    return places_in_torch(size).reshape(shape)


def places_in_torch(size: Size) -> Tensor:
    """Places of a map of that size in torch's order: channel, row, column."""
    return torch.arange(math.prod(size)).reshape(size).permute(2, 0, 1)


def placed(step: Step, shape: tuple[int, ...], index: Tensor, fill: float | None = None) -> Placed:
    """A `Placed`, whose index is None where the layout is the usual one."""
    if usual_size(shape) == step.size and torch.equal(index.reshape(shape), usual_places(shape)):
        return Placed(step, shape)
    return Placed(step, shape, index.reshape(shape), fill if bool((index == FILL).any()) else None)


def without_border(value: Placed) -> tuple[Placed, tuple[int, int, int, int]]:
    """The map inside a border of `fill`, and its border: top, left, bottom, right.

    The value itself, and no border, where `fill` stands elsewhere too.
    """
    none = value, (0, 0, 0, 0)
    if value.fill is None or value.index is None or len(value.shape) not in (2, 3):
        return none
    index = value.index if value.index.ndim == 3 else value.index[:, None]
    known = (index != FILL).any(0)
    rows, columns = known.any(1).nonzero()[:, 0], known.any(0).nonzero()[:, 0]
    if not len(rows):
        return none
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    inside = index[:, top:bottom, left:right]
    if bool((inside == FILL).any()):
        return none
    shape = tuple(inside.shape) if value.index.ndim == 3 else (inside.shape[0], inside.shape[2])
    border = (top, left, index.shape[1] - bottom, index.shape[2] - right)
    return placed(value.step, shape, inside.reshape(shape)), border


def as_map(value: Placed, place: Place, shape: tuple[int, ...] | None = None) -> Step:
    """The numbers as a map in the usual layout of `shape`: the step itself, or one that moves them.

    shape: a shape for the same number of values, in torch's order. The default is the value's own
        shape, or one row where that has no usual layout.
    """
    shape = value.shape if shape is None else shape
    size = usual_size(shape)
    if size is None:
        return as_map(value, place, (math.prod(shape),))
    if value.index is None and shape == value.shape:
        return value.step
    places = value.places().reshape(shape)
    if size == value.step.size and torch.equal(places, usual_places(shape)):
        return value.step
    flat = math.prod(value.step.size[:2]) > 1 and len(shape) <= 1
    if flat and torch.equal(places, places_in_torch(value.step.size).reshape(-1)):
        return Flatten(place, (value.step,), size)
    height, width, channels = size
    table = places.reshape(channels, height, width).permute(1, 2, 0)
    tables = _separate(table)
    if tables is not None:
        return Move(place, (value.step,), size, *tables, value.fill)
    zero = torch.zeros(1, dtype=torch.int64)
    row = Move(
        place, (value.step,), (1, 1, table.numel()), zero, zero, table.reshape(-1), value.fill
    )
    return as_map(Placed(row, shape, usual_places(shape)), place)


def as_row(value: Placed, place: Place) -> Placed:
    """The numbers as one row in torch's order."""
    count = math.prod(value.shape)
    row = as_map(value, place, (count,))
    return placed(row, value.shape, torch.arange(count).reshape(value.shape))


def _separate(table: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """Three lists whose sums are a table, (height, width, channels); None where there are none."""
    known = table != FILL
    if not bool(known.any()):
        return None
    inside = [known.any(2).any(1), known.any(2).any(0), known.any(1).any(0)]
    start = [int(one.nonzero()[0]) for one in inside]
    if not bool(known[start[0], start[1], start[2]]):
        return None
    y, x, c = start
    origin = table[y, x, c]
    lists = [table[:, x, c] - origin, table[y, :, c] - origin, table[y, x, :] - origin]
    lowest = [one[ok].min() for one, ok in zip(lists, inside, strict=True)]
    lists = [one - low for one, low in zip(lists, lowest, strict=True)]
    lists[2] = lists[2] + origin + sum(lowest)
    if bool((lists[2][inside[2]] < 0).any()):
        return None
    sums = lists[0][:, None, None] + lists[1][None, :, None] + lists[2][None, None, :]
    ok = inside[0][:, None, None] & inside[1][None, :, None] & inside[2][None, None, :]
    if not torch.equal(known, ok) or not torch.equal(sums[known], table[known]):
        return None
    filled = [torch.where(good, one, FILL) for one, good in zip(lists, inside, strict=True)]
    return filled[0], filled[1], filled[2]
