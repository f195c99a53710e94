"""The files of a run folder that say which network it holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from signbit import strict_json
from signbit.errors import CheckpointError, printable
from signbit.files import read_regular
from signbit.user_modules import is_module_name

RUN_FILE = "last.safetensors"
SETTINGS_FILE = "run.json"
# The entry that only runs of a module of the caller's have: its class.
OWN_MODULE = "module"
# Room for the environments of ten thousand resumed runs.
_MOST_SETTINGS = 1 << 24
_MOST_IMPORTS = 100
# As many as a path has on Linux.
_MOST_LETTERS = 4096


def read_settings(folder: Path) -> Any:
    """What `run.json` of a run folder holds. Raises: OSError, ValueError."""
    text = read_regular(folder / SETTINGS_FILE, _MOST_SETTINGS)
    return strict_json.loads(text, from_python=True)


def imports_in(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules that a run was trained with. Raises: ValueError where they are no names."""
    # Runs of earlier versions, and those of modules of the caller's, do not have this entry.
    names = settings.get("imports", [])
    if not isinstance(names, list) or len(names) > _MOST_IMPORTS:
        raise ValueError(f"imports is not a list of at most {_MOST_IMPORTS} names of modules")
    for name in names:
        if not is_module_name(name):
            raise ValueError(f"imports has {str(name)[:100]!r}, which is no name of a module")
    return tuple(names)


class RunImports(NamedTuple):
    """The modules that a run was trained with, and the folder in which it was started."""

    modules: tuple[str, ...] = ()
    started_in: str = ""


def imports_of_run(folder: Path) -> RunImports:
    """The modules that the run in a folder was trained with; none where it has no `run.json`.

    Raises: CheckpointError where `run.json` is damaged.
    """
    try:
        settings = read_settings(folder)
        if not isinstance(settings, dict):
            raise ValueError("it is not a JSON object")
        started_in = str(settings.get("started_in", ""))[:_MOST_LETTERS]
        return RunImports(imports_in(settings), started_in)
    except FileNotFoundError:
        return RunImports()
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{printable(str(folder))}: {SETTINGS_FILE} is damaged: {printable(str(error))}; the "
            f"weights can be named as a file, {printable(str(folder / RUN_FILE))}"
        ) from error
