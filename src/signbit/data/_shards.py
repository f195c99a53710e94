"""The shards of a data set, split by their names, and checked not to change while they are read."""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from signbit.data._files import (
    expanded,
    files_in,
    files_that_match,
    fixed_part,
    kind_of,
    natural_key,
)
from signbit.data._types import SPLIT_NAMES
from signbit.errors import DataError, printable

_NO_LETTERS = re.compile(r"[^a-z]+")
_PACKED = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class Shard:
    """A file as it was when it was listed.

    state: its size in bytes and the time of its last change, in nanoseconds.
    """

    path: Path
    state: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> "Shard":
        """The file as it is. Raises: DataError where it cannot be looked at."""
        try:
            return cls(path, state_of(path.stat()))
        except OSError as error:
            raise DataError(f"cannot look at {path}: {error.strerror}") from error

    def require_same(self, stat: os.stat_result) -> None:
        """Raises: DataError where the file is another one."""
        if state_of(stat) != self.state:
            sizes = f"{stat.st_size} bytes, and {self.state[0]} when it was listed"
            same_size = stat.st_size == self.state[0]
            raise DataError(
                f"{self.path} changed while it was read: "
                f"{'its time of change is another' if same_size else sizes}; start again when "
                "nothing writes to it"
            )


def state_of(stat: os.stat_result) -> tuple[int, int]:
    """What is compared to see whether a file changed."""
    return stat.st_size, stat.st_mtime_ns


@dataclass(frozen=True)
class Shards:
    """The shards of a split in natural order, and the folder where `classes.txt` is looked for.

    divided: whether names say splits; if not, every shard belongs to either split.
    """

    folder: Path
    shards: Sequence[Shard]
    divided: bool


def find_shards(path: str, ending: str, split: str) -> Shards:
    """The shards of a split.

    path: a folder, in which shards may lie however deep, a pattern with `*`, or one file.
    ending: of their names, such as ".tar".

    A folder or a word in the name says the split: train; test, or else val, valid or validation.

    Raises: DataError where there is no such shard, or only some names say a split.
    """
    folder, found = _found(path, ending)
    said = {one: split_said(one.relative_to(folder)) for one in found}
    spoken = [one for one in found if said[one] is not None]
    if spoken and len(spoken) < len(found):
        silent = next(one for one in found if said[one] is None)
        raise DataError(
            f"{silent} says no split and {spoken[0]} says {said[spoken[0]]}; name all or none"
        )
    if spoken:
        there = set(said.values())
        name = next((one for one in SPLIT_NAMES[split] if one in there), None)
        found = [one for one in found if said[one] == name and name is not None]
        if not found:
            listed = ", ".join(sorted(map(str, there)))
            raise DataError(
                f"{printable(path)} holds no {ending} shard for the split {split!r}; the names say "
                f"{listed}"
            )
    if not found:
        raise DataError(f"{printable(path)} fits no {ending} file; give a folder or pattern")
    return Shards(folder, [Shard.of(one) for one in found], bool(spoken))


def splits_in(path: str, ending: str) -> tuple[str, ...]:
    """The splits that the names of shards say; () where none says one. Raises: DataError."""
    folder, found = _found(path, ending)
    said = {split_said(one.relative_to(folder)) for one in found} - {None}
    return tuple(split for split, names in SPLIT_NAMES.items() if said.intersection(names))


def split_said(inside: Path) -> str | None:
    """The split that the folders or the name of a shard say, as they say it."""
    names = [one for names in SPLIT_NAMES.values() for one in names]
    for part in reversed((*inside.parent.parts, inside.stem)):
        words = _NO_LETTERS.split(part.lower())
        said = next((one for one in words if one in names), None)
        if said is not None:
            return said
    return None


def _found(path: str, ending: str) -> tuple[Path, list[Path]]:
    root = expanded(path)
    kind = kind_of(root)
    if kind == "folder":
        found = files_in(root, (ending,))
        return root, found or _none_in(root, ending)
    if kind == "file":
        return root.parent, [root]
    if not glob.has_magic(path):
        raise DataError(f"{printable(path)} is no folder, file or pattern with *; give one")
    found = [one for one in files_that_match(root) if one.name.endswith(ending)]
    return Path(fixed_part(str(root))), sorted(found, key=lambda one: natural_key(str(one)))


def _none_in(root: Path, ending: str) -> list[Path]:
    """Raises: DataError for a folder without shards."""
    packed = files_in(root, (".tgz", *(ending + one for one in _PACKED)))
    if packed:
        raise DataError(
            f"{packed[0]} is compressed, and images in it cannot be read one by one; unpack it "
            f"to a {ending} file (JPEG files become no larger)"
        )
    raise DataError(f"{root} holds no {ending} file; give a folder or pattern of shards")
