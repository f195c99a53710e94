"""What samples of any network are read as: batches of inputs, with targets where there are any."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.data._values import (
    Place,
    to_class_map,
    to_classes,
    to_labels,
    to_quantities,
)
from signbit.errors import UsageError, unknown_name
from signbit.format import Output, PackedModel
from signbit.format.signature import CLASSES, LABELS


@dataclass(frozen=True)
class Target:
    """What an output is compared with.

    shape: of one sample of the output, channels last.
    names: of its channels. Where the network has none: numbers from 0; of labels or numbers with
        one channel the output's name.
    named: whether the network, or the user, names them.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    names: Sequence[str]
    named: bool

    @classmethod
    def of(cls, model: PackedModel, output: Output, names: Sequence[str] = ()) -> "Target":
        """That of an output of a network. names: in place of the network's own."""
        value = model.types[output.node]
        shape = (value.height, value.width, value.channels)[3 - output.rank :]
        own = tuple(names) or tuple(output.names)
        numbered = tuple(map(str, range(value.channels)))
        if output.kind != CLASSES and value.channels == 1:
            numbered = (output.name,)
        return cls(output.name, output.kind, shape, own or numbered, bool(own))

    @property
    def is_map(self) -> bool:
        """Whether a sample has an answer for each place of a sequence or a map."""
        return len(self.shape) > 1

    @property
    def true_shape(self) -> tuple[int, ...]:
        """The shape of what one sample is compared with: one class for each place, else all."""
        return self.shape[:-1] if self.kind == CLASSES else self.shape

    def decode(self, values: Any, place: Place) -> NDArray[Any]:
        """True answers as the counters take them.

        Shape:  (N, *true_shape), values and result.
        Raises: DataError for a value that is none, naming its place.
        """
        if self.kind == CLASSES:
            if self.is_map:
                return to_class_map(values, len(self.names), place)
            return to_classes(values, self.names, place)
        return to_labels(values, place) if self.kind == LABELS else to_quantities(values, place)

    def columns_in(self, known: Sequence[str]) -> list[str]:
        """The columns that have its values by their names; [] where there are none."""
        if self.is_map:
            return []
        if self.kind != CLASSES and self.named and set(self.names) <= set(known):
            return list(self.names)
        single = self.kind == CLASSES or len(self.names) == 1
        return [self.name] if single and self.name in known else []


@dataclass(frozen=True)
class Batch:
    """Some samples.

    places: what names each in errors and in results.
    inputs: arrays as the engine takes them, by the names of inputs.
    targets: true answers by the names of outputs, of those that have any.
    """

    places: Sequence[str]
    inputs: Mapping[str, NDArray[Any]]
    targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)


class Samples(Protocol):
    """Samples in files, read batch by batch.  name: of the data."""

    name: str

    @property
    def targets(self) -> Sequence[str]:
        """Names of the outputs that have true answers."""
        ...

    @property
    def count(self) -> int | None:
        """How many samples there are; None where only reading tells."""
        ...

    @property
    def clipped(self) -> Mapping[str, int]:
        """For each input, how many numbers were outside its codes so far."""
        ...

    def batches(self, size: int) -> Iterator[Batch]:
        """All samples in order. Raises: DataError naming the place of a value that is wrong."""
        ...


@dataclass(frozen=True)
class Selection:
    """Which columns or arrays are what, where their names do not say it.

    features, targets: pairs of the name of an input or output, None where there is but one, and
        the names of columns or arrays.
    ignored: columns or arrays that are neither.
    codes: whether numbers for u8 inputs are codes.
    """

    features: Sequence[tuple[str | None, Sequence[str]]] = ()
    targets: Sequence[tuple[str | None, Sequence[str]]] = ()
    ignored: Sequence[str] = ()
    codes: bool = False

    def of_inputs(self, names: Sequence[str]) -> dict[str, list[str]]:
        """The chosen columns of each input. Raises: UsageError for an unknown input."""
        return _by_name("--features", "input", self.features, names)

    def of_outputs(self, names: Sequence[str]) -> dict[str, list[str]]:
        """The chosen columns of each output. Raises: UsageError for an unknown output."""
        return _by_name("--target", "output", self.targets, names)

    def feature_columns(self) -> set[str]:
        """All columns that are chosen as features."""
        return {column for _, columns in self.features for column in columns}

    def require_known(self, known: Sequence[str]) -> None:
        """Raises: UsageError for a chosen name that is no column."""
        for _, columns in (*self.features, *self.targets, (None, self.ignored)):
            for column in columns:
                if column not in known:
                    raise unknown_name("column", column, known)


def _by_name(
    option: str,
    kind: str,
    chosen: Sequence[tuple[str | None, Sequence[str]]],
    names: Sequence[str],
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, columns in chosen:
        if not names:
            raise UsageError(f"{option} {','.join(columns)}: no {kind} takes columns here")
        if name is None and len(names) > 1:
            raise UsageError(
                f"{option} {','.join(columns)}: the network has several {kind}s; give NAME=COLUMN, "
                f"NAME one of {', '.join(names)}"
            )
        name = names[0] if name is None else name
        if name not in names:
            raise unknown_name(f"{kind} in {option}", name, names)
        found.setdefault(name, []).extend(columns)
    return found


def require_order(target: Target, columns: Sequence[str]) -> list[str]:
    """Chosen columns in the order of the target's channels.

    Columns that have all its names are put in their order; others count in the order given.

    Raises: UsageError for another number of columns, or where a column has the name of another
        channel than the one that its place means.
    """
    if target.is_map:
        raise UsageError(
            f"output {target.name!r} is a sequence or a map; its targets are an array of an .npz"
        )
    wanted = 1 if target.kind == CLASSES else len(target.names)
    if len(columns) != wanted:
        raise UsageError(
            f"--target: {len(columns)} columns for output {target.name!r} ({target.kind}); give "
            f"{wanted}"
        )
    if target.kind == CLASSES:
        return list(columns)
    if set(columns) == set(target.names):
        return list(target.names)
    for place, column in enumerate(columns):
        if column in target.names and target.names.index(column) != place:
            raise UsageError(
                f"--target: column {column!r} is number {place + 1}, but the name of channel "
                f"{target.names.index(column) + 1} of output {target.name!r}; give all in order"
            )
    return list(columns)


def matrix(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Columns as one array, (N, columns): of one type where all have it, else float64."""
    if len({column.dtype for column in columns}) == 1:
        return np.stack(columns, axis=1)
    return np.stack([column.astype(np.float64) for column in columns], axis=1)
