"""The shards of a data set: found, split by their names, and checked for changes while read."""

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
    """A file, and its state when it was listed.

    state: its size in bytes, and the time of its last change in nanoseconds.
    """

    path: Path
    state: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> "Shard":
        """A file and its present state. Raises: DataError where the system refuses it."""
        try:
            return cls(path, state_of(path.stat()))
        except OSError as error:
            raise DataError(f"cannot look at {path}: {error.strerror}") from error

    def require_same(self, stat: os.stat_result) -> None:
        """Raises: DataError where the file has changed."""
        if state_of(stat) != self.state:
            sizes = f"it has {stat.st_size} bytes, and had {self.state[0]} when it was listed"
            same_size = stat.st_size == self.state[0]
            raise DataError(
                f"{self.path} changed while it was read: "
                f"{'its time of change differs' if same_size else sizes}; start again when no "
                "process writes to it"
            )


def state_of(stat: os.stat_result) -> tuple[int, int]:
    """The facts that differ if a file has changed: its size and the time of its last change."""
    return stat.st_size, stat.st_mtime_ns


@dataclass(frozen=True)
class Shards:
    """The shards of a split in natural order, and the folder in which classes.txt is looked for.

    divided: whether the names of the shards name splits. If not, every shard is in both splits.
    """

    folder: Path
    shards: Sequence[Shard]
    divided: bool


def find_shards(path: str, ending: str, split: str) -> Shards:
    """The shards of a split.

    A folder, or a word in the name of a shard, names its split. The word is train for "train", and
    test, else val, valid or validation, for "test".

    path: a folder, whose inner folders are searched too, a pattern with `*`, or one file.
    ending: the ending of the names, such as ".tar".

    Raises: DataError where there is no such shard, or where only some of the names name a split.
    """
    folder, found = _found(path, ending)
    said = {one: split_said(one.relative_to(folder)) for one in found}
    spoken = [one for one in found if said[one] is not None]
    if spoken and len(spoken) < len(found):
        silent = next(one for one in found if said[one] is None)
        raise DataError(
            f"{spoken[0]} names the split {said[spoken[0]]!r}, and {silent} names no split; name "
            "the split of all shards or of none"
        )
    if spoken:
        there = set(said.values())
        name = next((one for one in SPLIT_NAMES[split] if one in there), None)
        found = [one for one in found if said[one] == name and name is not None]
        if not found:
            listed = ", ".join(sorted(map(str, there)))
            raise DataError(
                f"{printable(path)} has no {ending} shard for the split {split!r}; the names of "
                f"its shards name {listed}"
            )
    if not found:
        raise DataError(
            f"no {ending} file fits {printable(path)}; give a folder or another pattern"
        )
    return Shards(folder, [Shard.of(one) for one in found], bool(spoken))


def splits_in(path: str, ending: str) -> tuple[str, ...]:
    """The splits that the names of shards name; () where none names one. Raises: DataError."""
    folder, found = _found(path, ending)
    said = {split_said(one.relative_to(folder)) for one in found} - {None}
    return tuple(split for split, names in SPLIT_NAMES.items() if said.intersection(names))


def split_said(inside: Path) -> str | None:
    """The word in the folders or the name of a shard that names its split; None without one."""
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
        raise DataError(
            f"{printable(path)} is neither a folder, nor a file, nor a pattern with *; give one of "
            "these"
        )
    found = [one for one in files_that_match(root) if one.name.endswith(ending)]
    return Path(fixed_part(str(root))), sorted(found, key=lambda one: natural_key(str(one)))


def _none_in(root: Path, ending: str) -> list[Path]:
    """Raises: DataError for a folder without shards."""
    packed = files_in(root, (".tgz", *(ending + one for one in _PACKED)))
    if packed:
        raise DataError(
            f"{packed[0]} is compressed, and images in it cannot be read one by one; unpack it "
            f"to a {ending} file (the JPEG files in it do not become larger)"
        )
    raise DataError(f"{root} holds no {ending} file; give a folder or a pattern of shards")
