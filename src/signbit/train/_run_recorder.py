"""Write the run folder: metrics, curves, weights and the checkpoint to resume from."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Checkpoint
from torch import nn

from signbit.plots.curves import draw_curves
from signbit.train._group import Group
from signbit.train._metrics_file import write_metrics
from signbit.train._module import TrainingModule
from signbit.train._progress import epoch_metrics

LAST_CHECKPOINT = "last.ckpt"
# Writes a network into a file, together with facts about it.
Save = Callable[[Path, nn.Module, dict[str, Any]], None]
# The curves are drawn no more often than this. A drawing takes about a second.
_DRAW_EVERY_SECONDS = 20.0


class RunRecorder(Checkpoint):
    """Writes the run folder after every epoch that the recipe evaluates. Only rank 0 writes.

    The checkpoint is written last. If a run is killed before that, it repeats the epoch when it is
    resumed, and writes the same files again. The checkpoint also contains the table of metrics, so
    that both always agree.

    save: writes the network that is evaluated.
    info: the facts in its file besides the metrics of the epoch.
    best: the best value of the goal so far; if lower is better, the value with its sign changed.
    saved: the number of epochs in the last checkpoint.
    began: whether the training has started, after a checkpoint was loaded if there is one.
    """

    def __init__(self, folder: Path, save: Save, info: dict[str, Any], group: Group):
        super().__init__()
        self.group = group
        self.folder, self.save, self.info = folder, save, info
        self.rows: list[dict[str, float]] = []
        self.best, self.saved, self.began = -math.inf, 0, False
        self._drawn_at = time.monotonic()

    @property
    def state_key(self) -> str:
        """The name of this state in checkpoints. It never changes, so older runs can be resumed."""
        return "RunFolder"

    def state_dict(self) -> dict[str, Any]:
        """The metrics of all epochs, and the best value of the goal."""
        return {"rows": self.rows, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.rows, self.best = list(state_dict["rows"]), state_dict["best"]
        self.saved = len(self.rows)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a checkpoint before the first epoch, so that a run can always be resumed."""
        self.began = True
        # Several machines may see a new file at different times, so rank 0 decides.
        if not self.group.of_first((self.folder / LAST_CHECKPOINT).exists()):
            trainer.save_checkpoint(self.folder / LAST_CHECKPOINT)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write everything that has changed since the last call."""
        assert isinstance(pl_module, TrainingModule)
        self.rows.append(_row(trainer))
        row = self.rows[-1]
        if not pl_module.recipe.evaluates(trainer.current_epoch):
            return
        value = _goal(pl_module, row)
        # If two epochs have the same value, the later one counts as best.
        names = ["last"]
        if value is not None and value >= self.best:
            self.best = value
            names = ["best", "last"]
        if self.group.ranks.is_first:
            for name in names:
                self._save(name, pl_module, row)
            write_metrics(self.folder, self.rows)
            self._draw(pl_module, last=trainer.current_epoch + 1 == trainer.max_epochs)
        # All ranks take part; the first one writes.
        trainer.save_checkpoint(self.folder / LAST_CHECKPOINT)
        self.saved = len(self.rows)

    def _save(self, name: str, module: TrainingModule, row: dict[str, float]) -> None:
        # Speeds are left out, so that equal runs give equal files.
        measured = ("loss", *module.objective.metrics)
        results = ("epoch", *measured, *(f"val_{one}" for one in measured))
        info = self.info | {"metrics": {key: row[key] for key in results if key in row}}
        self.save(self.folder / f"{name}.safetensors", module.evaluated, info)

    def _draw(self, module: TrainingModule, last: bool) -> None:
        if last or time.monotonic() - self._drawn_at > _DRAW_EVERY_SECONDS:
            metric = next(iter(module.objective.metrics), None)
            draw_curves(self.rows, self.folder / "curves.png", metric)
            self._drawn_at = time.monotonic()


def _goal(module: TrainingModule, row: dict[str, float]) -> float | None:
    """The goal on held-out samples, with its sign changed if lower is better; None without them."""
    value = row.get(f"val_{module.objective.goal}")
    higher = module.objective.higher_is_better
    return value if value is None or higher else -value


def _row(trainer: pl.Trainer) -> dict[str, float]:
    metrics = epoch_metrics(trainer)
    lr = trainer.optimizers[0].param_groups[0]["lr"]
    layers = {key: metrics.pop(key) for key in list(metrics) if "/" in key}
    return {"epoch": trainer.current_epoch + 1, "lr": lr} | metrics | layers
