"""The one function that trains: a named model, or a module of the caller's."""

from pathlib import Path
from typing import Any, overload

from torch import nn

from signbit.errors import UsageError
from signbit.train._named import train_named
from signbit.train._objective import Distance
from signbit.train._own import own_run, train_own
from signbit.train._own_objective import LossChoice, MetricChoice
from signbit.train._run import Run
from signbit.train.recipe import Recipe


@overload
def train(module: Run, /, *, teacher: nn.Module | None = None) -> dict[str, float]: ...


@overload
def train(module: Run, teacher: nn.Module, /) -> dict[str, float]: ...


@overload
def train(
    module: nn.Module,
    train_data: Any,
    val_data: Any = None,
    recipe: Recipe | str = "plain",
    *,
    out: Path | str,
    loss: LossChoice = "cross_entropy",
    metrics: MetricChoice | None = None,
    teacher: nn.Module | None = None,
    distance: Distance | None = None,
    device: str = "cpu",
    workers: int = 0,
    resume: bool = False,
) -> dict[str, float]: ...


def train(
    module: nn.Module | Run,
    train_data: Any = None,
    val_data: Any = None,
    recipe: Recipe | str = "plain",
    *,
    out: Path | str | None = None,
    loss: LossChoice = "cross_entropy",
    metrics: MetricChoice | None = None,
    teacher: nn.Module | None = None,
    distance: Distance | None = None,
    device: str = "cpu",
    workers: int = 0,
    resume: bool = False,
) -> dict[str, float]:
    """Train from the start; returns the metrics of the last epoch, shares as fractions.

    The folder must be new or empty. It gets the recipe, metrics, curves, weights and a checkpoint.
    A module ends in eval mode with the weights of the last epoch; with `averaging`, with their
    average. Its device, memory layout and `requires_grad` are those that it had before, and its
    gradients are cleared. Its teacher does not change.

    module: any module; or a `Run`, which says all but the teacher itself.
    train_data: a pair of arrays or tensors (inputs, targets), with a row for each sample; a data
        set with a length and items (input, target); or a DataLoader. Several inputs come as a tuple
        or a dict, and the module gets them as arguments. Arrays lie on the device.
    val_data: the same; None to hold out `val_size` of the training data.
    recipe: a recipe or its name. A DataLoader has a batch size of its own.
    out: the folder of the run.
    loss: the name of a loss, or a function of outputs and targets that returns a scalar.
    metrics: names of metrics, torchmetrics, or a dict of them; None for those of a named loss. The
        first one decides which epoch is best; without one, the loss does.
    teacher: a module that accepts the input of the model, for a recipe with `distillation` that
        names no file. It is moved to the run's device and put into eval mode. It is compiled if the
        recipe has `compile`.
    distance: a function of outputs and of the teacher's outputs that returns a scalar; None for
        that of a named loss. Both outputs are not divided by the temperature.
    device: cpu or cuda.
    workers: processes that read the items of a data set.
    resume: go on with the run in `out`, from its last checkpoint. On the CPU, with the same
        versions and number of threads, the result is the same, bit for bit, as that of a run that
        was never stopped.

    Raises: UsageError for a folder that has files or in which another process trains, for
    settings that do not fit the data, and for module, loss, metrics and data that do not fit;
    CheckpointError for a teacher or initial weights that do not fit; TrainingError for a loss that
    is not finite, a full memory or a compiler that fails; TrainingInterruptedError after Ctrl-C.
    """
    if isinstance(module, Run):
        if teacher is None and isinstance(train_data, nn.Module):
            teacher, train_data = train_data, None
        given = (train_data, val_data, out, distance)
        if any(one is not None for one in given) or resume:
            raise UsageError("a Run says data and folder itself; give only a teacher with it")
        return train_named(module, teacher)
    if train_data is None or out is None:
        missing = "train_data" if train_data is None else "out"
        raise UsageError(f"{missing} is missing; give it to train a module")
    run = own_run(
        module,
        train_data,
        val_data,
        recipe,
        Path(out),
        loss=loss,
        metrics=metrics,
        teacher=teacher,
        distance=distance,
        device=device,
        workers=workers,
    )
    return train_own(run, resume)
