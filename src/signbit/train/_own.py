"""Train a module of the caller's on data of the caller's."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from signbit.errors import UsageError, printable
from signbit.models import Architecture, read_weights, save_weights
from signbit.models import load_weights as fill_from
from signbit.train._first_batch import (
    FirstBatch,
    check_loss,
    has_unused_parameters,
    require_numbers,
    run_first_batch,
)
from signbit.train._fit import resume_in_folder, start_in_folder
from signbit.train._initial_weights import copy_weights
from signbit.train._own_data import OwnData, arrays_of, checksum, first_batch, own_data
from signbit.train._own_objective import LossChoice, MetricChoice, loss_of, objective_of
from signbit.train._patterns import freeze
from signbit.train._run import without_folders
from signbit.train._run_files import OWN_MODULE, require_own_run
from signbit.train._teacher import Teacher, given_teacher
from signbit.train._training import Training, check_device, training_module
from signbit.train.losses import AbstractLoss
from signbit.train.recipe import Recipe

# Fields of a recipe that act on named models and their pictures.
_OF_NAMED = ("model", "input", "augmentation")


@dataclass(frozen=True)
class OwnRun:
    """A run of a module of the caller's: what its folder stores, and what only memory has."""

    recipe: Recipe
    folder: Path
    device: str
    module: nn.Module
    data: OwnData
    loss: LossChoice
    metrics: MetricChoice | None
    teacher: nn.Module | None

    option_to_resume = "resume=True"

    @property
    def settings(self) -> dict[str, Any]:
        """The class of the module, and the device."""
        return {OWN_MODULE: _name(self.module), "device": self.device}

    @property
    def way_on(self) -> str:
        """The call that resumes it."""
        return f"train(..., out={str(self.folder)!r}, resume=True)"


def train_own(run: OwnRun, resume: bool) -> dict[str, float]:
    """`signbit.train.train` of a module."""
    built: list[Training] = []

    def prepare(resumed: bool) -> Training:
        built.append(_prepare(run, resumed))
        return built[0]

    if resume:
        require_own_run(run.folder)
        metrics = resume_in_folder(run, prepare)
    else:
        metrics = start_in_folder(run, prepare)
    trained = built[0].module.evaluated
    if trained is not run.module:
        run.module.load_state_dict(trained.state_dict())
    run.module.eval()
    return metrics


def own_run(
    module: nn.Module,
    train_data: Any,
    val_data: Any,
    recipe: Recipe,
    folder: Path,
    *,
    loss: LossChoice,
    metrics: MetricChoice | None,
    teacher: nn.Module | None,
    device: str,
    workers: int,
) -> OwnRun:
    """Raises: UsageError for data of another form, or for a recipe that does not suit modules."""
    if not isinstance(module, nn.Module):
        raise UsageError(f"{type(module).__name__} is given to train; give an nn.Module or a Run")
    _check_recipe(recipe)
    data = own_data(train_data, val_data, recipe, workers)
    return OwnRun(recipe, folder, device, module, data, loss, metrics, teacher)


def _check_recipe(recipe: Recipe) -> None:
    defaults = {
        name: Recipe.model_fields[name].get_default(call_default_factory=True) for name in _OF_NAMED
    }
    for name, default in defaults.items():
        if getattr(recipe, name) != default:
            raise UsageError(
                f"the recipe's `{name}` acts on named models and their pictures; override it with "
                f"{name}=null, and change a module and its data themselves"
            )


def _prepare(run: OwnRun, resumed: bool) -> Training:
    """Look at a first batch, and build what is trained. Nothing is written."""
    check_device(run.device)
    recipe, data = run.recipe, run.data
    freeze(run.module, recipe.frozen or ())
    loss = loss_of(run.loss, recipe)
    batch = run_first_batch(run.module, *first_batch(data.train))
    check_loss(loss, batch)
    _check_data(data, loss, batch)
    objective = objective_of(loss, run.metrics, recipe, batch.evaluated, batch.targets)
    teacher = given_teacher(recipe, run.teacher)
    if teacher is not None:
        _check_teacher(teacher, loss, batch)
    if recipe.init is not None and not resumed:
        given = read_weights(Path(recipe.init), run.module)
        copy_weights(run.module, given, printable(recipe.init), but=recipe.init_except or ())
    module = training_module(run.module, recipe, data, teacher, objective)
    kept = without_folders(recipe).model_dump(mode="json")
    facts = {
        "module": {"class": _name(run.module), "tensors_crc32": _shapes(run.module)},
        "recipe": kept,
        "loss": _name(run.loss),
        "metrics": list(objective.metrics),
        "data": data.facts,
    }
    info = {OWN_MODULE: _name(run.module), "recipe": kept}
    sample = checksum((batch.inputs, batch.targets))
    unused = data.ranks.count > 1 and has_unused_parameters(run.module, loss, batch)
    return Training(module, data, save_weights, info, facts, sample, unused)


def _check_data(data: OwnData, loss: AbstractLoss, batch: FirstBatch) -> None:
    """Look at all arrays; batches of other data are looked at when they are read."""
    for name, source in (("train_data", data.train), ("val_data", data.val)):
        for inputs, targets in arrays_of(source):
            require_numbers(inputs, targets, name)
            loss.check_values(batch.evaluated, targets)

    def check(inputs: Any, targets: Any, place: str) -> None:
        require_numbers(inputs, targets, place)
        loss.check_values(batch.evaluated, targets)

    data.check_batches(check)


def _check_teacher(teacher: Teacher, loss: AbstractLoss, batch: FirstBatch) -> None:
    """Raises: UsageError where a teacher's outputs have another shape than the module's."""
    taught = run_first_batch(teacher.module, batch.inputs, batch.targets).evaluated
    ours, theirs = (getattr(one, "shape", None) for one in (batch.evaluated, taught))
    if ours != theirs:
        raise UsageError(f"the teacher gives {theirs}, the module {ours}; they must be alike")
    loss.divergence(batch.evaluated, taught, 1.0)


def _name(thing: Any) -> str:
    """A name as it is; of an object, its class or function with its module."""
    if isinstance(thing, str):
        return thing
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


def _shapes(module: nn.Module) -> int:
    """A checksum of the names, shapes and types of all parameters and buffers."""
    state = module.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise UsageError(
                f"the state of the module has {name!r} of {type(value).__name__}, which a file of "
                "weights cannot hold; leave it out of get_extra_state()"
            )
    text = repr([(name, tuple(one.shape), str(one.dtype)) for name, one in state.items()])
    return zlib.crc32(text.encode())


def load_weights(module: nn.Module, path: Path | str) -> nn.Module:
    """The module with the weights of a run, in eval mode.

    path: a run folder, which means its `last.safetensors`, or a file of weights.

    Raises: CheckpointError naming the file, and what is missing or does not fit.
    """
    fill_from(Path(path), module, Architecture(_name(module)))
    return module.eval()
