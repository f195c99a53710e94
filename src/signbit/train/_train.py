"""The function that trains a named model, or the caller's own module."""

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
    """Train a network; returns the metrics of the last epoch. Shares are fractions from 0 to 1.

    The folder of the run must be new or empty. The recipe, the metrics, the curves, the weights and
    a checkpoint are written into it.

    At the end, the module is in eval mode and has the weights of the last epoch. With `averaging`
    it has their average. It has the device, the memory layout and the `requires_grad` that it had
    before, and its gradients are cleared. Its teacher does not change.

    module: any module; or a `Run`, which contains everything except a teacher.
    train_data: a pair of arrays or tensors (inputs, targets), with a row for each sample; a data
        set with a length and items (input, target); or a DataLoader. Several inputs are a tuple or
        a dict, and the module gets them as arguments. Arrays are kept on the device.
    val_data: validation data in one of these forms; None to hold out `val_size` of the training
        data.
    recipe: a recipe or its name. With a DataLoader, its own batch size counts.
    out: the folder of the run.
    loss: the name of a loss, or a function of outputs and targets that returns a scalar.
    metrics: names of metrics, metrics of torchmetrics, or a dict of them; None for the metrics of a
        named loss. The first one decides which epoch is best. Without metrics, the loss decides.
    teacher: a module that accepts the input of the model. The recipe must have `distillation`
        without the name of a file. The teacher is moved to the device of the run and put into eval
        mode. It is compiled if the recipe has `compile`.
    distance: a function of the outputs and of the teacher's outputs that returns a scalar; None for
        the distance of a named loss. These outputs are not divided by the temperature.
    device: "cpu" or "cuda".
    workers: the number of processes that read the items of a data set.
    resume: go on with the run in `out` from its last checkpoint. On the CPU, with the same versions
        and the same number of threads, the result is bit for bit that of a run that was never
        stopped.

    Raises: UsageError if the folder has files, if another process trains in it, if settings do not
        fit the data, or if module, loss, metrics and data do not fit together; CheckpointError if
        a teacher or initial weights do not fit; TrainingError if the loss is not finite, if there
        is too little memory, or if the compiler fails; TrainingInterruptedError after Ctrl-C.
    """
    if isinstance(module, Run):
        if teacher is None and isinstance(train_data, nn.Module):
            teacher, train_data = train_data, None
        given = (train_data, val_data, out, distance)
        if any(one is not None for one in given) or resume:
            raise UsageError(
                "a Run contains its data and its folder; leave out all other arguments of train() "
                "except teacher"
            )
        return train_named(module, teacher)
    if train_data is None or out is None:
        missing = "train_data" if train_data is None else "out"
        raise UsageError(f"train() needs {missing} to train a module; give {missing}=...")
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
