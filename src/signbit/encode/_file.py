"""Encoders in a JSON file, so that a network runs with the same encoding as in training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from signbit import strict_json
from signbit.encode.one_hot import OneHot
from signbit.encode.thermometer import Thermometer
from signbit.errors import DataError, UsageError, printable
from signbit.files import atomic_write, read_regular
from signbit.format.checks import one_line_names
from signbit.format.types import shown

FORMAT = "signbit encoders"
VERSION = 1
MAX_BYTES = 1 << 24
MAX_VALUES = 1 << 20
MAX_ENCODERS = 1024
MAX_REASON = 500

Encoder = Thermometer | OneHot
_KINDS: Mapping[str, type[Thermometer] | type[OneHot]] = {
    one.kind: one for one in (Thermometer, OneHot)
}
_FIELDS = {"thermometer": {"thresholds"}, "one_hot": {"categories", "unknown"}}


def save_encoders(path: Path | str, encoders: Mapping[str, Encoder]) -> None:
    """Write encoders with their names to a JSON file. The file appears whole or not at all.

    path: the file.
    encoders: the encoders by their names.

    Raises: UsageError for an object that is not an encoder, a name of more than one line, and more
        encoders than a file can hold; OutputError where the file cannot be written.
    """
    for name, one in encoders.items():
        if not isinstance(one, Encoder):
            allowed = " or ".join(kind.__name__ for kind in _KINDS.values())
            raise UsageError(f"encoder {name!r} is {type(one).__name__}; give {allowed}")
    entries = {name: one.to_dict() for name, one in encoders.items()}
    content = {"format": FORMAT, "version": VERSION, "encoders": entries}
    text = json.dumps(content, allow_nan=False) + "\n"
    _parsed(text.encode())
    atomic_write(path, text)


def load_encoders(path: Path | str) -> dict[str, Encoder]:
    """Read the encoders in a file that `save_encoders` wrote, in the same order.

    The file is read as data, and nothing in it is executed.

    Raises: DataError naming the file, the encoder and the fault.
    """
    try:
        return _parsed(read_regular(path, MAX_BYTES))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UsageError as error:
        reason = printable(str(error))
        short = reason if len(reason) <= MAX_REASON else reason[:MAX_REASON] + "..."
        raise DataError(f"{printable(str(path))}: {short}") from error


def _parsed(content: bytes) -> dict[str, Encoder]:
    """Raises: UsageError."""
    if len(content) > MAX_BYTES:
        raise UsageError(f"{len(content)} bytes; at most {MAX_BYTES} are allowed")
    try:
        table = strict_json.loads(content, most_values=MAX_VALUES)
    except ValueError as error:
        raise UsageError(f"not JSON: {error}") from error
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise UsageError(f"not a file of encoders: its 'format' is not {FORMAT!r}")
    if type(table.get("version")) is not int or table["version"] != VERSION:
        raise UsageError(
            f"version {shown(table.get('version'))}; this signbit reads version {VERSION}"
        )
    if set(table) != {"format", "version", "encoders"}:
        raise UsageError("give format, version and encoders, and nothing else")
    entries = table["encoders"]
    if not isinstance(entries, dict) or not 1 <= len(entries) <= MAX_ENCODERS:
        raise UsageError(f"encoders: give an object of 1 to {MAX_ENCODERS} encoders")
    one_line_names("encoders", "names", list(entries))
    return {name: _encoder(name, entry) for name, entry in entries.items()}


def _encoder(name: str, entry: Any) -> Encoder:
    place = f"encoder {shown(name)}"
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise UsageError(f"{place}: kind {shown(kind)}; give {' or '.join(_KINDS)}")
    fields = _FIELDS[kind]
    if set(entry) != {"kind", *fields}:
        raise UsageError(f"{place}: give kind, {', '.join(sorted(fields))}, and nothing else")
    try:
        return _KINDS[kind].from_dict(entry)
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error
