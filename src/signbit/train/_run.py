"""The settings of a run: its model, its data and its folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from signbit.errors import UsageError, printable
from signbit.models import Zeros
from signbit.train.recipe import Recipe
from signbit.user_modules import is_module_name


class AnyRun(Protocol):
    """The properties of every run, for a named model or for the caller's own module."""

    @property
    def recipe(self) -> Recipe:
        """All settings of the training."""
        ...

    @property
    def folder(self) -> Path:
        """The folder that the run writes."""
        ...

    @property
    def device(self) -> str:
        """The device, cpu or cuda."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the folder stores besides the recipe, in types that JSON has."""
        ...

    @property
    def option_to_resume(self) -> str:
        """The option that resumes the run of a folder."""
        ...

    @property
    def way_on(self) -> str:
        """The command or call that resumes the run after it was stopped."""
        ...


@dataclass(frozen=True)
class Run:
    """The settings of a run of a named model on a named data set. The run folder stores them.

    recipe: all settings of the training.
    model: the name of the model.
    data: the name of the data set, such as "cifar10", or "folder:PATH".
    folder: the folder that the run writes.
    data_dir: the folder with the files of the data set; None for the default place.
    download: whether missing files of the data set may be downloaded.
    device: "cpu" or "cuda".
    started_in: relative paths in `data`, such as folder:PATH, start from this folder; None for the
        current folder.
    zeros: the sign of exact zeros in an old checkpoint that `init` of the recipe names.
    imports: the names of the modules that register the parts that the run needs. They must be
        imported already.

    Raises: UsageError if `imports` has something other than names of modules.
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
    imports: tuple[str, ...] = ()

    def __post_init__(self):
        wrong = [one for one in self.imports if not is_module_name(one)]
        if wrong or isinstance(self.imports, str):
            shown = printable(str(wrong or self.imports))
            raise UsageError(f"imports: {shown}: give names of modules, such as my_project.models")

    @property
    def data_name(self) -> str:
        """The data set; a folder is given by its name alone. It is for files that are shared."""
        kind, colon, path = self.data.partition(":")
        return f"{kind}:{Path(path).expanduser().absolute().name}" if colon else self.data

    @property
    def data_source(self) -> str:
        """The data set, with a path that does not depend on the current folder."""
        kind, colon, path = self.data.partition(":")
        if not colon or self.started_in is None:
            return self.data
        return f"{kind}:{self.started_in / Path(path).expanduser()}"

    @property
    def settings(self) -> dict[str, Any]:
        """Model, data and device."""
        return {
            "model": self.model,
            "data": self.data,
            "data_dir": self.data_dir,
            "started_in": str(self.started_in or Path.cwd()),
            "device": self.device,
            "zeros": self.zeros,
            "imports": list(self.imports),
        }

    @property
    def option_to_resume(self) -> str:
        """The option of the command line that resumes the run of a folder."""
        return "--resume"

    @property
    def way_on(self) -> str:
        """The command that resumes the run."""
        return f"signbit train --resume --out {self.folder}"


def with_absolute_paths(run: Run) -> Run:
    """The run with absolute paths, so that it can be resumed from another current folder."""
    recipe = _with_places(run.recipe, _absolute)
    data_dir = None if run.data_dir is None else _absolute(run.data_dir)
    return replace(run, recipe=recipe, data_dir=data_dir, started_in=Path.cwd())


def without_folders(recipe: Recipe) -> Recipe:
    """The recipe with only the names of other runs, without their folders, for shared files."""
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
