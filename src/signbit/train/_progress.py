"""Show the progress of a run: a bar with the time left, and a line for every epoch."""

import time
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.profilers import Profiler
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from signbit.ranks import Ranks
from signbit.train._batch import sample_count
from signbit.train._module import TrainingModule
from signbit.train._objective import Objective

# Reading the loss waits for the device, so it is read only a few times a second.
_REFRESH_SECONDS = 0.2


class _Waiting(Profiler):
    """Measures how long the run waits for its training batches.

    seconds: the waiting time since it was set to 0.
    """

    _FETCH = ".train_dataloader_next"

    def __init__(self):
        super().__init__()
        self.seconds = self._since = 0.0

    def start(self, action_name: str) -> None:
        """Called by Lightning before an action."""
        if action_name.endswith(self._FETCH):
            self._since = time.perf_counter()

    def stop(self, action_name: str) -> None:
        """Called by Lightning after an action."""
        if action_name.endswith(self._FETCH):
            self.seconds += time.perf_counter() - self._since

    def summary(self) -> str:
        """Nothing: no report is written."""
        return ""


class RunProgress(pl.Callback):
    """Progress on standard error. It also logs the speed and the share of time spent on feeding.

    On a CPU, feeding is all the time between two training steps: to read the batch, move it and
    augment it, and the work of other callbacks. A GPU still works after a step has returned, so
    there, feeding is the time that the run waits for the next batch. If there are several ranks,
    the first one shows its own share and loss, and the speed of all ranks.
    """

    def __init__(self, ranks: Ranks):
        self.ranks = ranks
        self.console = Console(stderr=True, quiet=not ranks.is_first)
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self.console,
            disable=not (ranks.is_first and self.console.is_terminal),
        )
        self._task = TaskID(0)
        self._samples = 0
        self._epoch_start = self._step_start = self._shown_at = 0.0
        self._stepping = 0.0
        self._waiting = _Waiting()
        self._speed: dict[str, float] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Measure the waiting for batches."""
        trainer.profiler = self._waiting  # pyright: ignore[reportAttributeAccessIssue]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar at the place where the run starts or resumes."""
        batches, epochs = int(trainer.num_training_batches), int(trainer.max_epochs or 0)
        done = trainer.current_epoch * batches
        self._task = self._bar.add_task(
            "", total=epochs * batches, completed=done, epoch=f"-/{epochs}", state=""
        )
        self._bar.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of this epoch."""
        self._samples, self._stepping, self._waiting.seconds = 0, 0.0, 0.0
        self._epoch_start = time.perf_counter()
        epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._bar.update(self._task, epoch=epoch)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note the time at which the step begins."""
        self._step_start = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count the step, and update the bar from time to time."""
        now = time.perf_counter()
        self._stepping += now - self._step_start
        self._samples += sample_count(batch[1])
        seconds = now - self._epoch_start
        self._speed["images_per_second"] = self._samples * self.ranks.count / seconds
        on_cpu = pl_module.device.type == "cpu"
        feeding = seconds - self._stepping if on_cpu else self._waiting.seconds
        self._speed["feed_share"] = feeding / seconds
        self._bar.advance(self._task)
        if not self._bar.disable and now - self._shown_at > _REFRESH_SECONDS:
            self._shown_at = now
            assert isinstance(pl_module, TrainingModule)
            objective = pl_module.objective
            # All ranks compute a metric together, so several ranks do not compute it here.
            known = [objective.goal] if self.ranks.count == 1 else []
            figures = _figures(pl_module.tally.means(known), objective)
            rate = f"{self._speed['images_per_second']:,.0f} images/s"
            self._bar.update(self._task, state="  ".join([*figures, rate]))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the line of this epoch."""
        pl_module.log_dict(self._speed)
        assert isinstance(pl_module, TrainingModule)
        line = _line(trainer, pl_module.objective)
        self.console.print(line, highlight=False, soft_wrap=True)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the bar, also after an error."""
        self._bar.stop()


def epoch_metrics(trainer: pl.Trainer) -> dict[str, float]:
    """The metrics of this epoch, without those of an earlier validation, which Lightning keeps."""
    validated = trainer.num_val_batches and trainer.num_val_batches[0]
    return {
        name: float(value)
        for name, value in trainer.callback_metrics.items()
        if validated or not name.startswith("val_")
    }


def _line(trainer: pl.Trainer, objective: Objective) -> str:
    metrics = epoch_metrics(trainer)
    parts = [f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"]
    parts += _figures(metrics, objective)
    if f"val_{objective.goal}" in metrics:
        parts.append(f"validation {_value(metrics[f'val_{objective.goal}'], objective)}")
    parts.append(f"flipped {metrics.get('flipped', 0):.2%}")
    parts.append(f"{metrics['images_per_second']:,.0f} images/s")
    parts.append(f"feeding {metrics['feed_share']:.0%}")
    return "  ".join(parts)


def _figures(metrics: Mapping[str, float], objective: Objective) -> list[str]:
    """The training loss, and the goal if it is another figure."""
    parts, goal = [f"loss {metrics['loss']:.3f}"], objective.goal
    if goal in metrics and goal != "loss":
        name = "train" if goal == "accuracy" else f"{goal}: train"
        parts.append(f"{name} {_value(metrics[goal], objective)}")
    return parts


def _value(value: float, objective: Objective) -> str:
    return f"{value:.1%}" if objective.goal == "accuracy" else f"{value:.4g}"
