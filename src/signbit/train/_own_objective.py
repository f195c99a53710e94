"""The loss and the metrics that the caller gives, by name or as objects."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import signature
from typing import Any

from torch import Tensor
from torchmetrics import Metric, MetricCollection

from signbit.errors import UsageError, first_line
from signbit.ranks import ranks_here
from signbit.train._objective import Distance, Objective
from signbit.train.losses import AbstractLoss, OwnLoss, losses
from signbit.train.metrics import metrics as registered
from signbit.train.recipe import Recipe

LossChoice = str | AbstractLoss | Callable[[Any, Any], Tensor]
OneMetric = str | Metric
MetricChoice = OneMetric | Sequence[OneMetric] | Mapping[str, OneMetric]

# Columns of metrics.csv that the caller's metrics cannot use.
_TAKEN = ("epoch", "lr", "loss", "flipped", "clipped", "images_per_second", "feed_share")


def loss_of(choice: LossChoice, recipe: Recipe) -> AbstractLoss:
    """The loss for a name, an object or a function.

    The options of a named loss are the settings `loss` of the recipe.

    Raises: UsageError for an unknown name, or an object of another kind.
    """
    if isinstance(choice, str):
        entry: Any = losses.get(choice)
        if not (isinstance(entry, type) and issubclass(entry, AbstractLoss)):
            raise UsageError(
                f"loss {choice!r} is registered, but it is not a subclass of AbstractLoss; make it "
                "one, or give train() the function instead of the name"
            )
        return losses.build(choice, _settings(recipe))
    if not callable(choice):
        raise UsageError(
            f"loss is {type(choice).__name__}; give a name ({', '.join(losses.names())}), or a "
            "function of outputs and targets"
        )
    return choice if isinstance(choice, AbstractLoss) else OwnLoss(choice)


def unfit_settings(choice: LossChoice, recipe: Recipe) -> list[str]:
    """The settings `loss` of a recipe that are not options of the loss.

    Raises: UsageError for an unknown name.
    """
    known = signature(losses.get(choice)).parameters if isinstance(choice, str) else ()
    return [name for name in _settings(recipe) if name not in known]


def _settings(recipe: Recipe) -> dict[str, Any]:
    return recipe.loss.model_dump(exclude_defaults=True)


def objective_of(
    loss: AbstractLoss,
    choice: MetricChoice | None,
    recipe: Recipe,
    outputs: Any,
    targets: Any,
    distance: Distance | None = None,
) -> Objective:
    """Loss and metrics for outputs and targets such as these.

    choice: the metrics; None for the metrics of the loss, as far as they fit.
    distance: the distance from a teacher; None for the distance of the loss.

    Raises: UsageError for a metric that is unknown or does not fit.
    """
    chosen = _fitting(loss, outputs, targets) if choice is None else _named(choice)
    metrics: dict[str, Metric] = {}
    for name, metric in chosen.items():
        if not name.isidentifier() or name in _TAKEN or name.startswith("val_"):
            raise UsageError(f"a metric cannot have the name {name!r}; give another one in a dict")
        built = registered.get(metric)(outputs, targets) if isinstance(metric, str) else metric
        try_metric(name, built, outputs, targets)
        metrics[name] = built
    return Objective(loss, metrics, recipe.distillation, distance)


def _named(choice: MetricChoice) -> dict[str, OneMetric]:
    """Metrics with their names."""
    if isinstance(choice, MetricCollection):
        # Copies, because metrics of a collection share their states.
        metrics = choice.items(keep_base=False)  # pyright: ignore[reportCallIssue]
        return {name: metric.clone() for name, metric in metrics}
    if isinstance(choice, Mapping):
        return dict(choice)
    listed = [choice] if isinstance(choice, str | Metric) else list(choice)
    names = [one if isinstance(one, str) else type(one).__name__ for one in listed]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise UsageError(
            f"two metrics have the name {repeated[0]!r}; give a dict with a name for each"
        )
    return dict(zip(names, listed, strict=True))


def _fitting(loss: AbstractLoss, outputs: Any, targets: Any) -> dict[str, OneMetric]:
    """The metrics that a loss suggests, without those that do not fit."""
    found: dict[str, OneMetric] = {}
    for name in loss.metrics:
        try:
            found[name] = registered.get(name)(outputs, targets)
        except UsageError:
            continue
    return found


def try_metric(name: str, metric: Any, outputs: Any, targets: Any) -> None:
    """Compute a metric on a batch, as a trial.

    Raises: UsageError if the metric refuses the batch, if it does not return a single number, or if
        several processes train and it would not measure the samples of all of them.
    """
    if not isinstance(metric, Metric):
        raise UsageError(
            f"metric {name!r} is {type(metric).__name__}; give a name "
            f"({', '.join(registered.names())}), or a torchmetrics.Metric"
        )
    _require_number(f"metric {name!r}", _tried(name, metric, 1, outputs, targets))
    if ranks_here().count > 1:
        _require_states_of_all(name, metric)
        value = _tried(name, metric, 2, outputs, targets)
        _require_number(f"metric {name!r}, with the states of two processes,", value)


def _tried(name: str, metric: Metric, copies: int, outputs: Any, targets: Any) -> Any:
    """The value of a metric on a batch, as if `copies` processes had the same batch.

    No message is sent to other processes, because they may not reach this place.
    """
    tried = metric.clone().cpu()
    for part in _metrics_in(tried):
        part.distributed_available_fn = partial(bool, copies > 1)
        part.dist_sync_fn = lambda state, group=None: [state] * copies
    tried.reset()
    try:
        tried.update(outputs, targets)
        return tried.compute()
    # A metric may raise any error for outputs of another kind.
    except Exception as error:
        what = "does not accept outputs and targets"
        what = what if copies == 1 else "does not join the states of several processes"
        raise refused(f"metric {name!r} {what}", error) from error


def _require_number(what: str, value: Any) -> None:
    if not isinstance(value, Tensor) or value.numel() != 1:
        found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise UsageError(f"{what} returns {found}; it must return a single number")


def _require_states_of_all(name: str, metric: Metric) -> None:
    """Raises: UsageError for states that processes with unequal numbers of batches cannot join."""
    for part in _metrics_in(metric):
        if not part.sync_on_compute:
            raise UsageError(
                f"metric {name!r} has sync_on_compute=False, so it would measure only the samples "
                "of one process; leave it out to train with several processes"
            )
        for state, value in part.metric_state.items():
            if isinstance(value, list) and part._reductions[state] is None:
                raise UsageError(
                    f"metric {name!r} has the list {state!r}, which several processes cannot join; "
                    f'add it with add_state({state!r}, ..., dist_reduce_fx="cat")'
                )


def _metrics_in(metric: Metric) -> list[Metric]:
    return [part for part in metric.modules() if isinstance(part, Metric)]


def refused(what: str, error: Exception) -> UsageError:
    """The error to raise when the caller's own code raised one."""
    return UsageError(f"{what}: {type(error).__name__}: {first_line(error)}")
