"""The files of a run folder that describe its network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from signbit import strict_json
from signbit.errors import CheckpointError, printable
from signbit.files import read_regular
from signbit.user_modules import is_module_name

RUN_FILE = "last.safetensors"
SETTINGS_FILE = "run.json"
# The entry with the class of the module. Only a run that trained the caller's own module has it.
OWN_MODULE = "module"
# Enough for a run that was resumed ten thousand times: each adds its environment.
_MOST_SETTINGS = 1 << 24
_MOST_IMPORTS = 100
# The longest path on Linux.
_MOST_LETTERS = 4096


def read_settings(folder: Path) -> Any:
    """The content of `run.json` in a run folder.

    Raises: OSError if it cannot be read; ValueError if it is not JSON.
    """
    text = read_regular(folder / SETTINGS_FILE, _MOST_SETTINGS)
    return strict_json.loads(text, from_python=True)


def imports_in(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the modules that were imported for a run, from the content of its `run.json`.

    Raises: ValueError if the entry is not a list of names of modules.
    """
    # Runs of earlier versions and runs of the caller's own modules do not have this entry.
    names = settings.get("imports", [])
    if not isinstance(names, list) or len(names) > _MOST_IMPORTS:
        raise ValueError(f"imports is not a list of at most {_MOST_IMPORTS} names of modules")
    for name in names:
        if not is_module_name(name):
            raise ValueError(f"imports has {str(name)[:100]!r}, which is not the name of a module")
    return tuple(names)


class RunImports(NamedTuple):
    """The names of the modules that were imported for a run, and the folder it was started in."""

    modules: tuple[str, ...] = ()
    started_in: str = ""


def imports_of_run(folder: Path) -> RunImports:
    """The modules that were imported for the run in `folder`; none if it has no `run.json`.

    Raises: CheckpointError if `run.json` is damaged.
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
            f"{printable(str(folder))}: {SETTINGS_FILE} is damaged: {printable(str(error))}; give "
            f"the file of the weights instead, {printable(str(folder / RUN_FILE))}"
        ) from error
