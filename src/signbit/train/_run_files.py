"""The two files of a run folder that store its settings: recipe.yaml and run.json."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from signbit.errors import CheckpointError, UsageError, printable
from signbit.files import atomic_write, read_regular
from signbit.folder_lock import LOCK_FILE
from signbit.models import OWN_MODULE, imports_in, read_settings
from signbit.train._environment import environment
from signbit.train._load_recipe import parse_recipe
from signbit.train._run import AnyRun, Run
from signbit.user_modules import not_imported
from signbit.yaml_file import MAX_BYTES, dump_yaml, read_yaml


def is_new(run: AnyRun) -> bool:
    """Whether the folder is missing or empty, or holds only the recipe of this run.

    `run.json` is written after the recipe. Without it, a run cannot be resumed.
    """
    if not run.folder.is_dir():
        return True
    names = {path.name for path in run.folder.iterdir()} - {LOCK_FILE}
    if names != {"recipe.yaml"}:
        return not names
    try:
        return read_regular(run.folder / "recipe.yaml", MAX_BYTES) == _recipe_text(run).encode()
    except OSError:
        return False


def holds(run: AnyRun) -> bool:
    """Whether the run's folder holds a run with the same settings."""
    try:
        recipe = read_regular(run.folder / "recipe.yaml", MAX_BYTES)
        settings = dict(read_settings(run.folder))
    except (OSError, ValueError):
        return False
    settings.pop("made_with", None)
    return recipe == _recipe_text(run).encode() and settings == run.settings


def _recipe_text(run: AnyRun) -> str:
    return dump_yaml(run.recipe.model_dump(mode="json"))


def write_run(run: AnyRun) -> None:
    """Write `recipe.yaml` and `run.json` into the run folder. Raises: OutputError."""
    atomic_write(run.folder / "recipe.yaml", _recipe_text(run))
    _write_settings(run.folder, {**run.settings, "made_with": [environment(run.device)]})


def note_environment(run: AnyRun) -> None:
    """Add the environment of a resumed run to `run.json`, if it differs from the last one."""
    settings, here = read_settings(run.folder), environment(run.device)
    made_with = _environments(settings)
    if made_with[-1:] != [here]:
        _write_settings(run.folder, {**settings, "made_with": [*made_with, here]})


def read_environments(folder: Path) -> list[dict[str, Any]]:
    """The environments of a run: that of its start, then those in which it was resumed.

    `read_run` must have accepted the folder.
    """
    return _environments(read_settings(folder))


def _environments(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    made_with = settings.get("made_with", [])
    # Runs of earlier versions have only the environment of their start.
    return made_with if isinstance(made_with, list) else [made_with]


def _write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    atomic_write(folder / "run.json", json.dumps(settings, indent=2) + "\n")


def read_run(folder: Path) -> Run:
    """The run that a folder holds.

    Raises: CheckpointError if it is missing or damaged; UsageError if its recipe is wrong, or if
        modules that the run was trained with are not imported.
    """
    with _damage(folder):
        settings = read_settings(folder)
        if isinstance(settings, dict) and OWN_MODULE in settings:
            raise UsageError(
                f"{printable(str(folder))} is the run of a module of your own, "
                f"{printable(str(settings[OWN_MODULE]))}; resume it in Python, with "
                "signbit.train.train(..., resume=True)"
            )
        _check_types(settings)
        imports = imports_in(settings)
        _require_imported(folder, imports)
        place = printable(str(folder / "recipe.yaml"))
        return Run(
            recipe=parse_recipe(_read_recipe(folder), place),
            model=settings["model"],
            data=settings["data"],
            folder=folder,
            data_dir=settings["data_dir"],
            device=settings["device"],
            # Runs of earlier versions do not have this entry.
            started_in=Path(settings.get("started_in", "")),
            zeros=settings.get("zeros"),
            imports=imports,
        )


def _require_imported(folder: Path, modules: Iterable[str]) -> None:
    missing = not_imported(modules)
    if missing:
        raise UsageError(
            f"{printable(str(folder))} was trained with modules that are not imported: "
            f"{', '.join(missing)}; import them first"
        )


def require_own_run(folder: Path) -> None:
    """Check that a folder holds a run of the caller's own module.

    Raises: CheckpointError if it holds no run; UsageError if it holds a run of a named model.
    """
    with _damage(folder):
        settings = read_settings(folder)
        if not isinstance(settings, dict):
            raise ValueError("it is not a JSON object")
        if OWN_MODULE not in settings:
            raise UsageError(
                f"{printable(str(folder))} is the run of a named model; resume it with "
                "signbit train --resume"
            )


@contextmanager
def _damage(folder: Path) -> Iterator[None]:
    """Turn errors about run.json into a CheckpointError."""
    try:
        yield
    except FileNotFoundError as error:
        missing = printable(str(error.filename))
        raise CheckpointError(
            f"{printable(str(folder))}: no run here: {missing} is missing"
        ) from None
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{printable(str(folder))}: run.json is damaged: {printable(str(error))}"
        ) from error


def _check_types(settings: Mapping[str, Any]) -> None:
    """Raises: ValueError, KeyError for settings that `_write_settings` never wrote."""
    if not isinstance(settings, dict):
        raise ValueError("it is not a JSON object")
    texts = {"started_in": settings.get("started_in", ""), "data_dir": settings["data_dir"] or ""}
    texts |= {key: settings[key] for key in ("model", "data", "device")}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{key} is {type(value).__name__}, not text")


def _read_recipe(folder: Path) -> dict[str, Any]:
    path = folder / "recipe.yaml"
    path.lstat()
    recipe = read_yaml(path, printable(str(path)))
    if not isinstance(recipe, dict):
        raise UsageError(f"{printable(str(path))}: its content is not a mapping of settings")
    return recipe
