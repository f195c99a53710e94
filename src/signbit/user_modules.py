"""Import, by name, modules of the user that register models, data sets and other extensions."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module, invalidate_caches
from importlib.util import find_spec
from itertools import islice
from keyword import iskeyword
from pathlib import Path

from signbit.errors import (
    ExtensionError,
    SignbitError,
    UsageError,
    closest,
    first_line,
    printable,
)
from signbit.registry import registrations

MOST_LETTERS = 200
_OURS = "signbit"
_MOST_ENTRIES = 1000
_WAY_OUT = "run in the folder that holds it, name that folder in PYTHONPATH, or install it"


def is_module_name(name: object) -> bool:
    """Whether `name` is a text of identifiers joined by dots, such as my_project.models."""
    return (
        isinstance(name, str)
        and len(name) <= MOST_LETTERS
        and all(part.isidentifier() and not iskeyword(part) for part in name.split("."))
    )


def place_of(module: str, named_by: str) -> str:
    """The file or folder of the first part of a module's name. Nothing is executed.

    The current folder is searched first, as `python -m` does, then Python's path.

    named_by: the option or file that names the module; messages begin with it.

    Raises: UsageError where no such module is found.
    """
    top = _top(module)
    with _current_folder():
        places = _places(top)
    if not places:
        raise _not_found(module, top, named_by)
    return os.pathsep.join(map(os.path.abspath, places))


def import_user_module(module: str, named_by: str) -> str:
    """Import a module that registers something, and return its `place_of`.

    The text that the module prints goes to standard error. If the module lies in the current
    folder, this folder stays on Python's path; otherwise it does not.

    named_by: as in `place_of`.

    Raises: UsageError where the module is not found, raises an error or registers nothing;
        ExtensionError where it registers a name that another module has.
    """
    if not is_module_name(module):
        raise UsageError(
            f"{named_by}: {printable(module[:MOST_LETTERS])!r} is not the name of a module; give "
            "names joined by dots, such as my_project.models for my_project/models.py"
        )
    place = place_of(module, named_by)
    _use_current_folder(_top(module))
    before = len(registrations())
    try:
        with redirect_stdout(sys.stderr):
            import_module(module)
    except (Exception, SystemExit) as error:
        raise _failed(module, named_by, error) from error
    _require_names(module, named_by, before)
    return place


def not_imported(modules: Iterable[str]) -> list[str]:
    """The modules in the list that this process has not imported."""
    return [name for name in modules if name not in sys.modules]


def _require_names(module: str, named_by: str, before: int) -> None:
    """Raises: UsageError where a module registers nothing, ExtensionError for a taken name."""
    known = registrations()
    # An import of signbit's own packages registers their names too.
    foreign = [one for one in known[before:] if _top(one.registrar) != _OURS]
    # A module that was imported earlier registers nothing again.
    if not foreign and not any(_top(one.registrar) == _top(module) for one in known):
        raise UsageError(
            f"{named_by}: the module registers nothing; name the module with the decorators, such "
            'as @signbit.models.models.register("NAME"), or a module that imports it'
        )
    for registry, name, _ in foreign:
        try:
            # A registry imports its own package late. Look the name up here, to see a clash.
            registry.get(name)
        except ExtensionError as error:
            raise ExtensionError(f"{named_by}: {error}") from error


def _failed(module: str, named_by: str, error: BaseException) -> SignbitError:
    """The error that reports the error of an import."""
    if isinstance(error, ExtensionError):
        return ExtensionError(f"{named_by}: {error}")
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is not None and f"{module}.".startswith(f"{missing}."):
        return _not_found(module, missing, named_by)
    reason = f"{type(error).__name__}: {printable(first_line(error))}"
    return UsageError(f"{named_by}: importing it raised {reason}")


def _not_found(module: str, missing: str, named_by: str) -> UsageError:
    """The error for a module that is not found. missing: its name, or the first part of it."""
    parent, _, _ = missing.rpartition(".")
    if parent:
        package = sys.modules.get(parent)
        places, prefix = list(getattr(package, "__path__", ())), f"{parent}."
        where = f"{parent} has no {missing.removeprefix(prefix)!r}"
    else:
        places, prefix = [os.getcwd()], ""  # noqa: PTH109
        where = f"no module {missing!r} in the folder {places[0]} or on Python's path; {_WAY_OUT}"
    rest = module.removeprefix(missing)
    siblings = [prefix + name + rest for place in places for name in _names_in(place)]
    return UsageError(f"{named_by}: {where}.{closest(module, siblings)}")


def _names_in(folder: str) -> list[str]:
    """Names of modules and packages in a folder, for a suggestion. A huge folder is cut short."""
    with suppress(OSError):
        entries = islice(Path(folder).iterdir(), _MOST_ENTRIES)
        found = [one.stem for one in entries if one.suffix == ".py" or one.is_dir()]
        return [name for name in found if is_module_name(name)]
    return []


def _use_current_folder(top: str) -> None:
    """Put the current folder on Python's path where a package is found there."""
    without = _places(top)
    with _current_folder() as folder:
        found = _places(top)
    if found != without:
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


@contextmanager
def _current_folder() -> Iterator[str]:
    """The current folder. Python searches it first while the body runs."""
    folder, before = os.getcwd(), sys.path.copy()  # noqa: PTH109
    sys.path.insert(0, folder)
    invalidate_caches()  # a module may have been written just before
    try:
        yield folder
    finally:
        sys.path[:] = before


def _places(top: str) -> list[str]:
    """The folders of a package, or the file of a module; none where nothing is found.

    Nothing is executed, because the name contains no dot.
    """
    spec = None
    with suppress(ImportError, ValueError):  # ValueError for a module without one, like __main__
        spec = find_spec(top)
    # The folders of a package without a file depend on Python's path, so they are listed here.
    return [] if spec is None else list(spec.submodule_search_locations or [str(spec.origin)])


def _top(module: str) -> str:
    return module.partition(".")[0]
