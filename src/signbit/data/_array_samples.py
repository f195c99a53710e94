"""Samples in the arrays of a .npy or .npz file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from signbit.data._array_files import ArrayFile
from signbit.data._samples import Batch, Selection, Target
from signbit.data._values import InputEncoder
from signbit.errors import DataError, UsageError
from signbit.format import Input
from signbit.format.signature import CLASSES
from signbit.format.types import U8


class ArraySamples:
    """The samples in arrays for inputs and outputs, with the interface `Samples`.

    A .npz has an array with the name of each input, and targets with the names of outputs. `chosen`
    can name another array for an input or output. The array of a .npy is the only input.

    Raises: UsageError or DataError where an array is missing, or has another shape or type.
    """

    def __init__(
        self,
        file: ArrayFile,
        inputs: Sequence[Input],
        targets: Sequence[Target],
        chosen: Selection,
    ):
        self._file, self.name = file, str(file.path)
        chosen.require_known([name for name in file.headers if name])
        self._encoders = {one.name: InputEncoder(one, chosen.codes) for one in inputs}
        self._features = _arrays_of(chosen.of_inputs([one.name for one in inputs]))
        for one in inputs:
            self._features.setdefault(one.name, "" if "" in file.headers else one.name)
            self._check_input(one, chosen.codes)
        self._targets = {one.name: one for one in targets}
        self._target_arrays = _arrays_of(chosen.of_outputs([*self._targets]))
        taken = {*self._features.values(), *chosen.ignored}
        for one in targets:
            if one.name in file.headers and one.name not in taken:
                self._target_arrays.setdefault(one.name, one.name)
            if one.name in self._target_arrays:
                self._check_target(one)
        self.targets = tuple(self._target_arrays)
        self._check_counts(taken)

    @property
    def count(self) -> int | None:
        """Number of samples in the headers."""
        return next(iter(self._counts().values()))

    @property
    def clipped(self) -> Mapping[str, int]:
        """As in `Samples`."""
        return {name: one.clipped for name, one in self._encoders.items()}

    def batches(self, size: int) -> Iterator[Batch]:
        """As in `Samples`. The places are the numbers of samples, from 0."""
        arrays = {**self._features, **self._target_arrays}
        pieces = [self._file.pieces(array, size) for array in arrays.values()]
        start = 0
        for parts in zip(*pieces, strict=True):
            given = dict(zip(arrays, parts, strict=True))
            inputs = {
                name: self._encoders[name](given[name], self._place(array, start))
                for name, array in self._features.items()
            }
            targets = {
                name: self._targets[name].decode(
                    given[name].reshape(-1, *self._targets[name].true_shape),
                    self._place(array, start),
                )
                for name, array in self._target_arrays.items()
            }
            count = len(parts[0])
            yield Batch([str(place) for place in range(start, start + count)], inputs, targets)
            start += count

    def _place(self, array: str, start: int) -> Any:
        def place(index: tuple[int, ...]) -> str:
            sample, *inside = index
            at = f" at {tuple(inside)}" if inside else ""
            return f"{self._file.place(array)}, sample {start + sample}{at}"

        return place

    def _counts(self) -> dict[str, int]:
        used = [*self._features.values(), *self._target_arrays.values()]
        return {name: self._file.headers[name].count for name in used}

    def _check_input(self, one: Input, codes: bool) -> None:
        header = self._header(self._features[one.name], f"input {one.name!r}")
        place, found = self._file.place(self._features[one.name]), header.dtype
        if header.shape[1:] != tuple(one.shape):
            sides = ", ".join(["N", *map(str, one.shape)])
            raise DataError(f"{place} has the shape {header.shape}; input {one} needs ({sides})")
        if found.kind not in "biuf":
            raise DataError(f"{place} holds {found}; input {one} accepts numbers or bool")
        if one.kind == U8 and found.kind in "iu" and found != "uint8" and not codes:
            raise DataError(
                f"{place} holds {found}, which may be codes or real numbers; for codes, save them "
                "as uint8 or give --codes; for real numbers, save them as float32"
            )

    def _check_target(self, one: Target) -> None:
        header = self._header(self._target_arrays[one.name], f"output {one.name!r}")
        place = self._file.place(self._target_arrays[one.name])
        single = one.kind != CLASSES and one.shape == (1,)
        allowed = [one.true_shape, ()] if single else [one.true_shape]
        if header.shape[1:] not in allowed:
            sides = ", ".join(["N", *map(str, one.true_shape)])
            comma = "," if not one.true_shape else ""
            raise DataError(
                f"{place} has the shape {header.shape}; the targets of output {one.name!r} "
                f"({one.kind}) need ({sides}{comma})"
            )

    def _check_counts(self, taken: set[str]) -> None:
        counts = self._counts()
        first, count = next(iter(counts.items()))
        for name, other in counts.items():
            if other != count:
                raise DataError(
                    f"{self.name}: array {name!r} has {other} samples, and array {first!r} has "
                    f"{count}; give the same number of each"
                )
        for name in self._file.headers:
            if name not in {*counts, *taken}:
                raise UsageError(
                    f"{self.name}: array {name!r} has neither the name of an input nor of an "
                    "output; assign it with --features or --target, or leave it out with --ignore"
                )

    def _header(self, array: str, what: str) -> Any:
        if array not in self._file.headers:
            known = ", ".join(name for name in self._file.headers if name)
            raise DataError(
                f"{self.name} has no array for {what}; it has {known or 'one without a name'}; "
                "assign one with --features or --target"
            )
        return self._file.headers[array]


def _arrays_of(chosen: Mapping[str, Sequence[str]]) -> dict[str, str]:
    for name, arrays in chosen.items():
        if len(arrays) != 1:
            raise UsageError(f"{name!r}: {len(arrays)} arrays; give exactly one array for it")
    return {name: arrays[0] for name, arrays in chosen.items()}
