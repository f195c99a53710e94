"""Train the caller's own module on the caller's own data."""

import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from signbit.errors import UsageError, printable
from signbit.models import Architecture, read_weights, save_weights
from signbit.models import load_weights as fill_from
from signbit.train._first_batch import check_loss, run_first_batch
from signbit.train._fit import resume_in_folder, start_in_folder
from signbit.train._initial_weights import copy_weights
from signbit.train._load_recipe import load_recipe
from signbit.train._memory_format import fastest_format, few
from signbit.train._objective import Distance
from signbit.train._own_checks import check_data
from signbit.train._own_data import OwnData, checksum, first_batch, own_data
from signbit.train._own_module import as_it_was, require_ready
from signbit.train._own_objective import LossChoice, MetricChoice, loss_of, objective_of
from signbit.train._own_recipe import require_own_recipe
from signbit.train._own_teacher import own_teacher
from signbit.train._patterns import freeze
from signbit.train._precision import with_known_precision
from signbit.train._run import without_folders
from signbit.train._run_files import OWN_MODULE, require_own_run
from signbit.train._training import Training, check_device, training_module
from signbit.train.recipe import Recipe


@dataclass(frozen=True)
class OwnRun:
    """A run of the caller's own module: settings that its folder stores, and objects in memory."""

    recipe: Recipe
    folder: Path
    device: str
    module: nn.Module
    data: OwnData
    loss: LossChoice
    metrics: MetricChoice | None
    teacher: nn.Module | None
    distance: Distance | None

    option_to_resume = "resume=True"

    @property
    def settings(self) -> dict[str, Any]:
        """The class of the module, and the device."""
        return {OWN_MODULE: _name(self.module), "device": self.device}

    @property
    def way_on(self) -> str:
        """The call that resumes the run."""
        return f"train(..., out={str(self.folder)!r}, resume=True)"


def train_own(run: OwnRun, resume: bool) -> dict[str, float]:
    """`signbit.train.train` for a module."""
    built: list[Training] = []

    def prepare(resumed: bool) -> Training:
        built.append(_prepare(run, resumed))
        return built[0]

    if resume:
        require_own_run(run.folder)
    taught = nullcontext() if run.teacher is None else as_it_was(run.teacher)
    with as_it_was(run.module), taught:
        metrics = (resume_in_folder if resume else start_in_folder)(run, prepare)
        trained = built[0].module.evaluated
        if trained is not run.module:
            run.module.load_state_dict(trained.state_dict())
    run.module.eval()
    return metrics


def own_run(
    module: nn.Module,
    train_data: Any,
    val_data: Any,
    recipe: Recipe | str,
    folder: Path,
    *,
    loss: LossChoice,
    metrics: MetricChoice | None,
    teacher: nn.Module | None,
    distance: Distance | None,
    device: str,
    workers: int,
) -> OwnRun:
    """Check the arguments of `train` and make a run of them.

    Raises: UsageError for data of another form, or for a recipe that does not suit a module.
    """
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"the first argument of train() is {type(module).__name__}; give an nn.Module or a Run"
        )
    require_ready(module)
    if distance is not None and not callable(distance):
        raise UsageError(
            f"distance is {type(distance).__name__}; give a function of the outputs and of the "
            "teacher's outputs"
        )
    given = load_recipe(recipe) if isinstance(recipe, str) else recipe
    settings = with_known_precision(given, device)
    require_own_recipe(settings, recipe if isinstance(recipe, str) else None, loss, teacher)
    data = own_data(train_data, val_data, settings, workers)
    return OwnRun(settings, folder, device, module, data, loss, metrics, teacher, distance)


def _prepare(run: OwnRun, resumed: bool) -> Training:
    """Check a first batch, and build the training. Nothing is written."""
    device = check_device(run.device)
    recipe, data = run.recipe, run.data
    freeze(run.module, recipe.frozen or ())
    # A module that is in eval mode as a whole was used or loaded before. If only parts of it are in
    # eval mode, they stay so.
    if not run.module.training:
        run.module.train()
    loss = loss_of(run.loss, recipe)
    batch = run_first_batch(run.module, *first_batch(data.train))
    check_loss(loss, batch)
    objective = objective_of(
        loss, run.metrics, recipe, batch.evaluated, batch.targets, run.distance
    )
    check_data(data, run.module, objective, batch)
    teacher = own_teacher(recipe, run.teacher, run.module, objective, batch, device)
    if recipe.init is not None and not resumed:
        given = read_weights(Path(recipe.init), run.module)
        copy_weights(run.module, given, printable(recipe.init), but=recipe.init_except or ())
    inputs = few(batch.inputs)
    if fastest_format("the module", run.module, inputs, device, recipe) is torch.channels_last:
        data.memory_format = torch.channels_last
        run.module.to(memory_format=torch.channels_last)  # pyright: ignore
    module = training_module(run.module, recipe, data, teacher, objective)
    kept = without_folders(recipe).model_dump(mode="json")
    facts = {
        "module": {"class": _name(run.module), "tensors_crc32": _shapes(run.module)},
        "recipe": kept,
        "loss": _name(run.loss),
        "metrics": list(objective.metrics),
        "distance": None if run.distance is None else _name(run.distance),
        "data": data.facts,
    }
    info = {OWN_MODULE: _name(run.module), "recipe": kept}
    sample = checksum((batch.inputs, batch.targets))
    return Training(module, data, save_weights, info, facts, sample, unused_parameters=True)


def _name(thing: Any) -> str:
    """A name unchanged; for an object, the name of its class or function with its module."""
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
                f"the state of the module has {name!r} of type {type(value).__name__}, which a "
                "file of weights cannot hold; leave it out of get_extra_state()"
            )
    text = repr([(name, tuple(one.shape), str(one.dtype)) for name, one in state.items()])
    return zlib.crc32(text.encode())


def load_weights(module: nn.Module, path: Path | str) -> nn.Module:
    """Load the weights of a run into `module`; returns the module, in eval mode.

    Nothing in the file is executed.

    module: the module that is filled. It must have the same parameters and buffers as the trained
        one.
    path: a run folder, which stands for its `last.safetensors`, or a file of weights.

    Raises: CheckpointError that names the file and the keys that are missing or do not fit;
        UsageError if the name of the file is that of another kind.
    """
    fill_from(Path(path), module, Architecture(_name(module)))
    return module.eval()
