"""Samples of any network: batches of inputs, with true answers (targets) if there are any."""

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
    """An output, and the form of the true answers that it is compared with.

    name: the name of the output.
    kind: the kind of the output: classes, labels or numbers.
    shape: the shape of one sample of the output, channels last.
    names: the names of its channels. If there are no names, they are the numbers from 0, or the
        name of the output if it has one channel of labels or numbers.
    named: whether the network or the user gave these names.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    names: Sequence[str]
    named: bool

    @classmethod
    def of(cls, model: PackedModel, output: Output, names: Sequence[str] = ()) -> "Target":
        """The target of an output of a network. names: replace the names in the network."""
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
        """The shape of the true answer of one sample.

        For classes, it has one class for each place, and no axis for the channels.
        """
        return self.shape[:-1] if self.kind == CLASSES else self.shape

    def decode(self, values: Any, place: Place) -> NDArray[Any]:
        """Turn the values of a file into true answers, for measuring.

        Classes become indices, labels become bool, and numbers become float64.

        values: the values of N samples.
        place: turns the index of a value into its name for messages.

        Shape:  (N, *true_shape), for the values and the result.
        Raises: DataError for a value that is not a true answer, naming its place.
        """
        if self.kind == CLASSES:
            if self.is_map:
                return to_class_map(values, len(self.names), place)
            return to_classes(values, self.names, place)
        return to_labels(values, place) if self.kind == LABELS else to_quantities(values, place)

    def columns_in(self, known: Sequence[str]) -> list[str]:
        """The columns whose names say that they hold the true answers; [] where there are none."""
        if self.is_map:
            return []
        if self.kind != CLASSES and self.named and set(self.names) <= set(known):
            return list(self.names)
        single = self.kind == CLASSES or len(self.names) == 1
        return [self.name] if single and self.name in known else []


@dataclass(frozen=True)
class Batch:
    """Some samples.

    places: the name of each sample in messages and results, such as a path or a row number.
    inputs: the arrays for the engine, by the names of the inputs.
    targets: the true answers, by the names of the outputs that have some.
    """

    places: Sequence[str]
    inputs: Mapping[str, NDArray[Any]]
    targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)


class Samples(Protocol):
    """Samples in files, which are read batch by batch.

    name: the name of the data, such as a path.
    """

    name: str

    @property
    def targets(self) -> Sequence[str]:
        """The names of the outputs that have true answers."""
        ...

    @property
    def count(self) -> int | None:
        """Number of samples; None where only reading them shows it."""
        ...

    @property
    def clipped(self) -> Mapping[str, int]:
        """For each input, how many numbers so far were outside the range of its codes."""
        ...

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all samples in order, at most `size` at a time.

        Raises: DataError naming the place of a wrong value.
        """
        ...


@dataclass(frozen=True)
class Selection:
    """The columns or arrays for inputs and outputs, if their names do not say it.

    features: pairs of the name of an input and the names of its columns or arrays. The name of the
        input is None if there is only one input.
    targets: the same for outputs and their true answers.
    ignored: columns or arrays that are neither.
    codes: whether the numbers for u8 inputs are codes.
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
        """Raises: UsageError for a chosen name that is not in `known`."""
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
            raise UsageError(
                f"{option} {','.join(columns)}: no {kind} uses columns here; leave it out"
            )
        if name is None and len(names) > 1:
            raise UsageError(
                f"{option} {','.join(columns)}: the network has several {kind}s; give NAME=COLUMN, "
                f"where NAME is one of {', '.join(names)}"
            )
        name = names[0] if name is None else name
        if name not in names:
            raise unknown_name(f"{kind} in {option}", name, names)
        found.setdefault(name, []).extend(columns)
    return found


def require_order(target: Target, columns: Sequence[str]) -> list[str]:
    """The chosen columns in the order of the target's channels.

    If the columns have the names of all channels, they are sorted into the order of the channels.
    Otherwise their own order counts.

    Raises: UsageError for another number of columns, or where a column has the name of a channel
        but the place of another one.
    """
    if target.is_map:
        raise UsageError(
            f"output {target.name!r} is a sequence or a map, whose targets are not in columns; "
            "give them as an array of a .npz file"
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
                f"--target: column {column!r} is number {place + 1}, but it has the name of "
                f"channel {target.names.index(column) + 1} of output {target.name!r}; give the "
                "columns in the order of the channels"
            )
    return list(columns)


def matrix(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Columns as one array, (N, columns). It has their type if all have the same, else float64."""
    if len({column.dtype for column in columns}) == 1:
        return np.stack(columns, axis=1)
    return np.stack([column.astype(np.float64) for column in columns], axis=1)
