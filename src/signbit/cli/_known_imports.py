"""The modules that the user has imported by `--import`, each with the place where it was.

Each module has a small file in the folder of the user's state, so that two commands at the same
time do not disturb each other. To forget the modules, delete the folder.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from signbit.cli._output import say
from signbit.errors import OutputError
from signbit.files import atomic_write


def remember(module: str, place: str) -> None:
    """Note that the user imported a module from a place.

    If that fails, a line on standard error says so, and the command goes on.
    """
    if is_known(module, place):
        return
    try:
        atomic_write(_folder() / _name(module, place), f"{module} {place}\n")
    except (OutputError, RuntimeError) as error:
        say(
            f"signbit: cannot note that {module} was imported, so the commands that read its run "
            f"folders will need --import {module}: {error}",
            err=True,
        )


def is_known(module: str, place: str) -> bool:
    """Whether the user imported a module from that place before."""
    with suppress(OSError, RuntimeError):
        return (_folder() / _name(module, place)).is_file()
    return False


def _folder() -> Path:
    """Raises: RuntimeError where the user has no home."""
    given = os.environ.get("XDG_STATE_HOME", "")
    # The specification of XDG_STATE_HOME says that relative paths do not count.
    base = Path(given) if given.startswith("/") else Path("~/.local/state").expanduser()
    return base / "signbit" / "imports"


def _name(module: str, place: str) -> str:
    return hashlib.sha256(os.fsencode(f"{module}\0{place}")).hexdigest()
