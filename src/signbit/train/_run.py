"""What a run trains and where, and the two files that remember it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from signbit import strict_json
from signbit.errors import CheckpointError, UsageError, printable
from signbit.files import atomic_write, read_regular
from signbit.models import Zeros
from signbit.train._environment import environment
from signbit.train._load_recipe import parse_recipe
from signbit.train._lock import LOCK_FILE
from signbit.train.recipe import Recipe
from signbit.yaml_file import MAX_BYTES, dump_yaml, read_yaml

# Room for the environments of ten thousand resumed runs.
_MOST_SETTINGS = 1 << 24


@dataclass(frozen=True)
class Run:
    """What a run trains, on what, and where: all that its folder must remember.

    started_in: the folder that relative paths in `data`, folder:PATH, start from; None for the
        current one.
    zeros: what exact zeros of an old checkpoint in the recipe's `init` become.
    """

    recipe: Recipe
    model: str
    data: str
    folder: Path
    data_dir: str | None = None
    download: bool = False
    device: str = "cpu"
    started_in: Path | None = None
    zeros: Zeros | None = None

    @property
    def data_name(self) -> str:
        """The data set, of a folder its name alone: for files that are given to others."""
        kind, colon, path = self.data.partition(":")
        return f"{kind}:{Path(path).expanduser().absolute().name}" if colon else self.data

    @property
    def data_source(self) -> str:
        """The data set, its path independent of the current folder."""
        kind, colon, path = self.data.partition(":")
        if not colon or self.started_in is None:
            return self.data
        return f"{kind}:{self.started_in / Path(path).expanduser()}"


def with_absolute_paths(run: Run) -> Run:
    """The run with its files named so that it finds them when it is resumed elsewhere."""
    recipe = _with_places(run.recipe, _absolute)
    data_dir = None if run.data_dir is None else _absolute(run.data_dir)
    return replace(run, recipe=recipe, data_dir=data_dir, started_in=Path.cwd())


def without_folders(recipe: Recipe) -> Recipe:
    """The recipe with the names of other runs alone: for files that are given to others."""
    return _with_places(recipe, lambda place: Path(place).name)


def _absolute(place: str) -> str:
    return str(Path(place).expanduser().absolute())


def _with_places(recipe: Recipe, change: Callable[[str], str]) -> Recipe:
    """The recipe with each path that it names changed."""
    changes: dict[str, Any] = {}
    if recipe.init is not None:
        changes["init"] = change(recipe.init)
    taught = recipe.distillation
    if taught is not None and taught.teacher is not None:
        changes["distillation"] = taught.model_copy(update={"teacher": change(taught.teacher)})
    return recipe.model_copy(update=changes)


def is_new(run: Run) -> bool:
    """Whether the run's folder is missing, empty, or holds a start of this run that was cut.

    `run.json` is written second and makes it a run that can be resumed.
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


def _recipe_text(run: Run) -> str:
    return dump_yaml(run.recipe.model_dump(mode="json"))


def write_run(run: Run) -> None:
    """Write `recipe.yaml` and `run.json` into the run folder. Raises: OutputError."""
    atomic_write(run.folder / "recipe.yaml", _recipe_text(run))
    settings = {
        "model": run.model,
        "data": run.data,
        "data_dir": run.data_dir,
        "started_in": str(run.started_in or Path.cwd()),
        "device": run.device,
        "zeros": run.zeros,
        "made_with": [environment(run.device)],
    }
    _write_settings(run.folder, settings)


def note_environment(run: Run) -> None:
    """Add to `run.json` what a resumed run goes on with, where that is not what it had."""
    settings, here = _read_settings(run.folder), environment(run.device)
    made_with = _environments(settings)
    if made_with[-1:] != [here]:
        _write_settings(run.folder, {**settings, "made_with": [*made_with, here]})


def read_environments(folder: Path) -> list[dict[str, Any]]:
    """What a run that `read_run` accepts was begun with, then what it was resumed with."""
    return _environments(_read_settings(folder))


def _environments(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    made_with = settings.get("made_with", [])
    # Runs of earlier versions have one, that of their start.
    return made_with if isinstance(made_with, list) else [made_with]


def _read_settings(folder: Path) -> Mapping[str, Any]:
    text = read_regular(folder / "run.json", _MOST_SETTINGS)
    return strict_json.loads(text, from_python=True)


def _write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    atomic_write(folder / "run.json", json.dumps(settings, indent=2) + "\n")


def read_run(folder: Path) -> Run:
    """The run that a folder holds. Raises: CheckpointError, UsageError for its recipe."""
    try:
        settings = _read_settings(folder)
        _check_types(settings)
        place = printable(str(folder / "recipe.yaml"))
        return Run(
            recipe=parse_recipe(_read_recipe(folder), place),
            model=settings["model"],
            data=settings["data"],
            folder=folder,
            data_dir=settings["data_dir"],
            device=settings["device"],
            # Runs of earlier versions do not say it.
            started_in=Path(settings.get("started_in", "")),
            zeros=settings.get("zeros"),
        )
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
            raise ValueError(f"{key} is {type(value).__name__}, not a text")


def _read_recipe(folder: Path) -> dict[str, Any]:
    path = folder / "recipe.yaml"
    path.lstat()
    recipe = read_yaml(path, printable(str(path)))
    if not isinstance(recipe, dict):
        raise UsageError(f"{printable(str(path))}: a mapping of settings is expected")
    return recipe
