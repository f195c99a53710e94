"""File names that every file system holds and keeps apart."""

import re
from collections.abc import Iterable

# Room for suffixes and numbers in the 255 bytes, or 143 of an encrypted folder, of a name.
LONGEST = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
# Windows takes these for devices, whatever follows a dot.
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}


def safe_names(wanted: Iterable[str]) -> list[str]:
    """A file name for each name wanted; distinct even where case does not count.

    Letters, digits, dots, dashes and underscores stay, so that most are what was wanted.
    """
    names: list[str] = []
    taken: set[str] = set()
    for name in map(_safe, wanted):
        distinct, number = name, 2
        while distinct.lower() in taken:
            distinct, number = f"{name}-{number}", number + 1
        taken.add(distinct.lower())
        names.append(distinct)
    return names


def _safe(wanted: str) -> str:
    name = _UNSAFE.sub("_", wanted)[:LONGEST].rstrip(".")
    reserved = name.partition(".")[0].lower() in _DEVICES
    # A leading dot hides a file, a leading dash makes it an option.
    return f"_{name}" if reserved or not name or name[0] in ".-" else name
