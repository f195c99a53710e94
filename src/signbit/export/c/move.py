"""Move the elements of a value to other places, by formulas where that is possible."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from signbit.export.c.node_code import NodeCode, NodeView, Snippet
from signbit.export.c.text import TYPES, literal
from signbit.format.types import BITS, F32

Places = NDArray[np.int32]


class Formula(NamedTuple):
    """The fields of `struct places` without the table. `at` shows what they mean."""

    begin: int
    end: int
    gap: int
    shift: int
    count: int
    first: int
    inner: int
    inner_step: int
    outer_step: int

    def places(self, length: int) -> Places:
        """The places of the first `length` elements."""
        i = np.arange(length) - self.begin
        inside = (i >= 0) & (i < self.end - self.begin) & (i % self.gap == 0)
        i = (i // self.gap + self.shift) % self.count
        steps = i // self.inner * self.outer_step + i % self.inner * self.inner_step
        return np.where(inside, self.first + steps, -1)


def formula_of(places: Places) -> Formula | None:
    """The formula that gives these places; None where a table is needed."""
    there = np.flatnonzero(places >= 0)
    if not len(there):
        return Formula(0, 0, 1, 0, 1, 0, 1, 0, 0)
    begin, end = int(there[0]), int(there[-1]) + 1
    gap = int(there[1] - there[0]) if len(there) > 1 else 1
    values = places[begin:end:gap].astype(np.int64)
    # Rolled places start again at the lowest one.
    for shift in {0: None, int(-values.argmin() % len(values)): None}:
        first, *steps = _steps(np.roll(values, shift))
        found = Formula(begin, end, gap, shift, len(values), first, *steps)
        if np.array_equal(found.places(len(places)), places):
            return found
    return None


def _steps(values: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """The first of some values, and inner, inner_step and outer_step that may give the others."""
    changes = np.diff(values)
    if not len(changes):
        return int(values[0]), 1, 0, 0
    others = np.flatnonzero(changes != changes[0])
    inner = int(others[0]) + 1 if len(others) else len(values)
    outer = int(values[inner] - values[0]) if len(others) else 0
    return int(values[0]), inner, int(changes[0]), outer


def move(view: NodeView) -> NodeCode:
    """Copy elements: the place of each is the sum of its row's, column's and channel's number."""
    kind, tensors = view.source.kind, view.node.tensors
    code = NodeCode([Snippet("places")], "")
    fields = [
        _places(code, f"{view.name}_{name}", tensors[name])
        for name in ("rows", "columns", "channels")
    ]
    is_run = int(_is_run(view))
    moved = code.add_struct("move", view.name, [*view.gives[1:], *fields, is_run])
    fill = view.node.attributes["fill"]
    if kind == BITS:
        code.snippets += [Snippet("copy_bits"), Snippet("move_bits")]
        code.call = f"move_bits({moved}, {view.source.channels}, {int(fill > 0)}, {{x0}}, {{out}})"
        return code
    code.snippets.append(Snippet("move", {"KIND": kind, "TYPE": TYPES[kind]}))
    number = literal(float(fill) if kind == F32 else int(fill))
    code.call = f"move_{kind}({moved}, {number}, {{x0}}, {{out}})"
    return code


def _places(code: NodeCode, name: str, places: Places) -> Sequence[object]:
    formula = formula_of(places)
    if formula is not None:
        return [*formula, "NULL"]
    return [*[0] * len(Formula._fields), code.add_array(name, places)]


def _is_run(view: NodeView) -> bool:
    """Whether the channels of each position are neighbours; bits must also be of one position."""
    rows, columns, channels = (
        view.node.tensors[name].astype(np.int64) for name in ("rows", "columns", "channels")
    )
    if (channels < 0).any() or (np.diff(channels) != 1).any():
        return False
    # Where runs start within their position, for all rows and columns. Few values are distinct.
    depth = view.source.channels
    starts = [np.unique(part[part >= 0] % depth) for part in (rows, columns)]
    ends = (starts[0][:, None] + starts[1] + channels[0]) % depth + len(channels)
    return view.source.kind != BITS or bool((ends <= depth).all())
