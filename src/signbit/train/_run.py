"""What a run trains and where, and the two files that remember it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from signbit.errors import CheckpointError
from signbit.files import atomic_write
from signbit.train._environment import environment
from signbit.train._load_recipe import parse_recipe
from signbit.train.recipe import Recipe


@dataclass(frozen=True)
class Run:
    """What a run trains, on what, and where: all that its folder must remember."""

    recipe: Recipe
    model: str
    data: str
    folder: Path
    data_dir: str | None = None
    download: bool = False
    device: str = "cpu"


def with_absolute_paths(recipe: Recipe) -> Recipe:
    """The recipe with its files named so that a run resumed elsewhere finds them."""
    changes: dict[str, Any] = {}
    if recipe.init is not None:
        changes["init"] = str(Path(recipe.init).absolute())
    taught = recipe.distillation
    if taught is not None and taught.teacher is not None:
        teacher = str(Path(taught.teacher).absolute())
        changes["distillation"] = taught.model_copy(update={"teacher": teacher})
    return recipe.model_copy(update=changes)


def write_run(run: Run) -> None:
    """Write `recipe.yaml` and `run.json` into the run folder. Raises: OutputError."""
    recipe = yaml.safe_dump(run.recipe.model_dump(mode="json"), sort_keys=False)
    atomic_write(run.folder / "recipe.yaml", recipe)
    settings = {
        "model": run.model,
        "data": run.data,
        "data_dir": run.data_dir,
        "device": run.device,
        "made_with": environment(run.device),
    }
    atomic_write(run.folder / "run.json", json.dumps(settings, indent=2) + "\n")


def read_run(folder: Path) -> Run:
    """The run that a folder holds. Raises: CheckpointError, UsageError for its recipe."""
    try:
        settings: Mapping[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
        recipe = yaml.safe_load((folder / "recipe.yaml").read_text("utf-8"))
        return Run(
            recipe=parse_recipe(recipe, str(folder / "recipe.yaml")),
            model=settings["model"],
            data=settings["data"],
            folder=folder,
            data_dir=settings["data_dir"],
            device=settings["device"],
        )
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder}: no run here: {error.filename} is missing") from None
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise CheckpointError(f"{folder}: run.json or recipe.yaml is damaged: {error}") from error
