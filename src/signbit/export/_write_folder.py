"""Write an export's folder whole or not at all."""

import inspect
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from signbit.errors import OutputError, UsageError, printable, unknown_name
from signbit.export._describe import describe
from signbit.export._interface import Exporter, ExportRequest, exporters
from signbit.files import mode_of_new_folder, remove_leftovers, temporary_folder
from signbit.own_files import listed_files, strangers

MANIFEST = "manifest.json"
# The key of the manifest that shows that signbit wrote it.
KEY = "signbit_export"
VERSION = 1
_SIMPLE = {bool: "true or false", int: "a whole number", str: "a text"}


def export(
    request: ExportRequest,
    to: str,
    folder: Path | str,
    *,
    force: bool = False,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a packed network in a format into a new folder; returns its manifest.

    The folder appears when all of it is written. An empty folder that exists is filled at that
    moment, with the manifest last, and keeps its permissions.

    request: the network and its golden vectors; see `make_request`.
    to: the name of a format in `exporters`.
    folder: the folder to make.
    force: replace an earlier export: a folder with a manifest that lists all of its files. Any
        other folder that is not empty is refused.
    options: options of the format by name.

    Raises: UsageError for an unknown format or option. ExportError where the format cannot express
        a layer. OutputError where the folder cannot be written or replaced; what was there is then
        unchanged.
    """
    exporter = exporters.get(to)
    chosen = dict(options or {})
    _check_options(to, exporter, chosen)

    def write(temporary: Path) -> dict[str, Any]:
        return describe(request) | exporter(request, temporary, **chosen)

    return write_folder(write, to, folder, force=force)


def _check_options(to: str, exporter: Exporter, chosen: Mapping[str, Any]) -> None:
    """Raises: UsageError for an option that the format does not have, or a value of wrong type."""
    known = {
        name: parameter.annotation
        for name, parameter in inspect.signature(exporter).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name, value in chosen.items():
        if name not in known:
            raise unknown_name(f"{to} option", name, known)
        wanted = known[name]
        # In Python a bool is an int, but nobody means a number by True.
        if wanted in _SIMPLE and type(value) is not wanted:
            raise UsageError(f"{to} option {name!r} is {value!r}; give {_SIMPLE[wanted]}")


def write_folder(
    write: Callable[[Path], dict[str, Any]], to: str, folder: Path | str, *, force: bool
) -> dict[str, Any]:
    """Let `write` fill a folder, which appears whole or not at all; returns the manifest.

    write: returns its part of the manifest.
    Raises: OutputError as in `export`, and the errors of `write`.
    """
    folder = Path(os.path.realpath(folder))
    _check_free(folder, force)
    with _system_errors(folder), _temporary_for(folder) as temporary:
        manifest = {KEY: VERSION, "format": to, **write(temporary)}
        manifest["files"] = sorted(path.name for path in temporary.iterdir())
        (temporary / MANIFEST).write_text(_to_json(manifest), encoding="ascii")
        _move_into_place(temporary, folder)
    return manifest


def _to_json(manifest: dict[str, Any]) -> str:
    """JSON with one line for each entry of its lists and objects."""
    parts, separator = [], ",\n  "
    for key, value in manifest.items():
        opening, closing, items = "", "", [json.dumps(value)]
        if isinstance(value, dict):
            opening, closing = "{\n  ", "\n }"
            items = [f"{json.dumps(name)}: {json.dumps(item)}" for name, item in value.items()]
        elif isinstance(value, list):
            opening, closing = "[\n  ", "\n ]"
            items = [json.dumps(item) for item in value]
        parts.append(f" {json.dumps(key)}: {opening}{separator.join(items)}{closing}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _check_free(folder: Path, force: bool) -> None:
    """Raises: OutputError where the folder holds something that must not be replaced."""
    with _system_errors(folder):
        if not folder.exists():
            return
        if not folder.is_dir():
            raise OutputError(f"{folder} is a file; give the name of a new folder")
        if not strangers(folder, ()):
            return
        if not force:
            raise OutputError(f"{folder} is not empty; --force replaces an earlier export")
        listed = listed_files(folder / MANIFEST, KEY)
        if listed is None:
            raise OutputError(
                f"{folder} holds no {MANIFEST} of an earlier export; --force replaces only earlier "
                "exports: choose another folder"
            )
        foreign = strangers(folder, {MANIFEST, *listed})
    if foreign:
        raise OutputError(
            f"{folder} holds {printable(foreign[0])}, which is not part of an earlier export; "
            "--force replaces only earlier exports: move it away or choose another folder"
        )


@contextmanager
def _temporary_for(folder: Path) -> Iterator[Path]:
    """A folder on the same file system, removed at the end if it is still there.

    It is in `folder` where that is empty, and next to it otherwise.
    """
    place = folder if folder.exists() and not strangers(folder, ()) else folder.parent
    place.mkdir(parents=True, exist_ok=True)
    remove_leftovers(place)
    with temporary_folder(place) as temporary:
        yield temporary


def _move_into_place(temporary: Path, folder: Path) -> None:
    for path in temporary.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if temporary.parent == folder:
        _move_up(temporary, folder)
        return
    # The new folder is made inside `temporary`, where no other process deletes it as a leftover.
    temporary.chmod(mode_of_new_folder(temporary))
    if not folder.exists():
        temporary.rename(folder)
        return
    # This is the only copy for a moment, so it has no name that `remove_leftovers` deletes.
    old = Path(tempfile.mkdtemp(".old", ".signbit-", folder.parent)) / folder.name
    try:
        folder.rename(old)
        temporary.rename(folder)
    except BaseException:
        _put_back(old, folder)
        raise
    shutil.rmtree(old.parent, ignore_errors=True)


def _move_up(temporary: Path, folder: Path) -> None:
    """Fill the existing folder. It may be a mount point, or the current folder of a shell."""
    places = [folder / path.name for path in temporary.iterdir()]
    # A folder without a manifest does not count as an export, so the manifest comes last.
    places.sort(key=lambda place: place.name == MANIFEST)
    try:
        for place in places:
            (temporary / place.name).rename(place)
    except BaseException:
        for place in places:
            place.unlink(missing_ok=True)
        raise


def _put_back(old: Path, folder: Path) -> None:
    """Move the earlier export back. Raises: OutputError where that fails and it stays in `old`."""
    try:
        if old.exists():
            old.rename(folder)
        old.parent.rmdir()
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror or error}. The earlier export is complete, "
            f"but is now in {old}; move it back."
        ) from error


@contextmanager
def _system_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror or error}. Whatever was there is unchanged; "
            "free space or choose another place."
        ) from error
