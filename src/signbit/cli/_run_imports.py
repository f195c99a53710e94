"""Import the modules that a run folder names, if the user imported them before."""

import os
import sys
from pathlib import Path

from signbit.cli._known_imports import is_known
from signbit.cli._output import say
from signbit.errors import UsageError, printable


def import_for(path: Path) -> tuple[str, ...]:
    """Import the modules that a run folder was trained with; returns their names.

    A module is imported only if the user has named it by --import before, and if it still lies in
    the same place. A file never leads to an import; only a run folder does.

    Raises: UsageError where a module is not found, or was not imported from there before;
        CheckpointError where run.json is damaged; the errors of `import_user_module`.
    """
    if not os.path.isdir(path):  # noqa: PTH112 (unlike is_dir, it raises for no name)
        return ()
    from signbit.models import imports_of_run

    modules, started_in = imports_of_run(path)
    for module in modules:
        if module not in sys.modules:
            _import(module, path, started_in)
    return modules


def _import(module: str, path: Path, started_in: str) -> None:
    from signbit.user_modules import import_user_module, place_of

    shown = printable(str(path))
    named_by = f"{shown} was trained with --import {module}, in {printable(started_in)}"
    place = place_of(module, named_by)
    if not is_known(module, place):
        raise UsageError(
            f"{shown} was trained with --import {module}. That module is at {printable(place)} "
            f"here, and you have not imported it from there before; if you trust that code, add "
            f"--import {module}"
        )
    say(f"signbit: importing {module} from {place}, as {shown} was trained with it", err=True)
    import_user_module(module, f"{shown}: {module}")
