"""Start or resume a training run in its folder, whatever it trains."""

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import TensorBoardLogger

from signbit.errors import (
    CheckpointError,
    OutputError,
    SignbitError,
    TrainingInterruptedError,
    UsageError,
    first_line,
    printable,
)
from signbit.files import remove_leftovers
from signbit.folder_lock import lock
from signbit.signals import signal_of
from signbit.train._checkpoint import RunCheckpointIO
from signbit.train._diagnostics import BinaryDiagnostics
from signbit.train._failures import FiniteTraining, machine_errors
from signbit.train._progress import RunProgress
from signbit.train._run import AnyRun
from signbit.train._run_files import is_new, note_environment, write_run
from signbit.train._run_recorder import LAST_CHECKPOINT, RunRecorder
from signbit.train._training import Training

# Builds what is trained. True where the weights come from a checkpoint of the run.
Prepare = Callable[[bool], Training]


def start_in_folder(run: AnyRun, prepare: Prepare) -> dict[str, float]:
    """Train from the start in a folder that is new or empty; returns the last epoch's metrics.

    Raises: the errors of `train`.
    """
    if run.folder.exists() and not run.folder.is_dir():
        raise OutputError(f"{printable(str(run.folder))} is a file; choose a folder")
    with lock(run.folder):
        remove_leftovers(run.folder)
        if not is_new(run):
            raise UsageError(
                f"{printable(str(run.folder))} is not empty; choose another folder, or go on with "
                f"{run.option_to_resume}"
            )
        return _fit(run, False, prepare)


def resume_in_folder(run: AnyRun, prepare: Prepare) -> dict[str, float]:
    """Go on from the last checkpoint of a folder that the caller has locked.

    Raises: the errors of `resume`.
    """
    remove_leftovers(run.folder)
    return _fit(run, True, prepare)


def _fit(run: AnyRun, resume: bool, prepare: Prepare) -> dict[str, float]:
    checkpoint = run.folder / LAST_CHECKPOINT
    resumed = checkpoint if resume and checkpoint.exists() else None
    training = prepare(resumed is not None)
    if resume:
        note_environment(run)
    else:
        write_run(run)
    recorder = RunRecorder(run.folder, training.save, training.info)
    _run_trainer(run, recorder, training, resumed)
    if resumed is not None and not recorder.rows:
        raise _foreign_state(resumed, "no epoch in its table of metrics")
    return recorder.rows[-1]


def _run_trainer(
    run: AnyRun, recorder: RunRecorder, training: Training, resumed: Path | None
) -> None:
    previous = signal.getsignal(signal.SIGINT)
    try:
        with _quiet_lightning(), machine_errors(run.recipe):
            trainer = _trainer(run, recorder, training.facts)
            trainer.fit(training.module, datamodule=training.data, ckpt_path=resumed)
    except SignbitError:
        raise
    # Lightning expects a checkpoint that it wrote itself, but this file may come from elsewhere.
    except (LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        if resumed is None or recorder.began:
            raise
        raise _foreign_state(resumed, f"{type(error).__name__}: {first_line(error)}") from error
    except SystemExit as end:
        # Lightning turns Ctrl-C into this error after it has shut everything down.
        checkpoint = run.folder / LAST_CHECKPOINT
        state = (
            f"{checkpoint} is complete" if checkpoint.exists() else "no checkpoint is written yet"
        )
        raise TrainingInterruptedError(
            f"interrupted after {recorder.saved} of {run.recipe.epochs} epochs; {state}. Go on "
            f"with: {run.way_on}",
            signal_of(end.__context__),
        ) from None
    finally:
        # Only the main thread can set signal handlers. None is a handler that is not Python's.
        if previous is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, previous)


def _foreign_state(checkpoint: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{printable(str(checkpoint))}: its state does not have the form that runs of ours write "
        f"({printable(reason)}); train again"
    )


def _trainer(run: AnyRun, recorder: RunRecorder, facts: dict[str, Any]) -> pl.Trainer:
    return pl.Trainer(
        accelerator="gpu" if run.device == "cuda" else "cpu",
        devices=1,
        max_epochs=run.recipe.epochs,
        # Shapes never change, so it is worth searching for the fastest convolution once.
        benchmark=run.device == "cuda",
        logger=TensorBoardLogger(run.folder, name="", version="tensorboard"),
        callbacks=[BinaryDiagnostics(), FiniteTraining(), RunProgress(), recorder],
        plugins=[RunCheckpointIO(facts)],
        default_root_dir=run.folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
    )


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence notes on hardware and loaders that do not help a user of this package."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            # lightning 2.6 calls a function that is deprecated in torch 2.13.
            warnings.filterwarnings("ignore", message="`isinstance\\(treespec, LeafSpec\\)`")
            yield
    finally:
        logger.setLevel(level)
