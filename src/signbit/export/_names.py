"""File names that every file system accepts and distinguishes."""

import re
from collections.abc import Iterable

# A name may have 255 bytes, or 143 in an encrypted folder. The rest is for suffixes and numbers.
LONGEST = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
# In Windows these are devices, with any suffix.
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}


def safe_names(wanted: Iterable[str]) -> list[str]:
    """A file name for each wanted name; distinct even where upper and lower case are the same.

    Letters, digits, dots, dashes and underscores stay, so most names are the wanted ones.
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
    # A file with a leading dot is hidden. Programs read a leading dash as an option.
    return f"_{name}" if reserved or not name or name[0] in ".-" else name
