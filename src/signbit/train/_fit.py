"""Start or resume a training run in its folder, whatever it trains."""

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

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
from signbit.machine import keep_freed_memory
from signbit.signals import signal_of
from signbit.train._checkpoint import RunCheckpointIO
from signbit.train._diagnostics import BinaryDiagnostics
from signbit.train._failures import FiniteTraining, machine_errors
from signbit.train._group import Group
from signbit.train._kept_signals import KeptSignals
from signbit.train._progress import RunProgress
from signbit.train._rendezvous import note_refusal, was_refused
from signbit.train._run import AnyRun
from signbit.train._run_files import holds, is_new, note_environment, write_run
from signbit.train._run_recorder import LAST_CHECKPOINT, RunRecorder
from signbit.train._training import Training, check_device, require_same

# Builds what is trained. The argument is True if the weights come from a checkpoint of the run.
Prepare = Callable[[bool], Training]


def start_in_folder(run: AnyRun, prepare: Prepare) -> dict[str, float]:
    """Train from the start in a new or empty folder; returns the metrics of the last epoch.

    A process that `torchrun` has restarted goes on with the run.

    Raises: the errors of `train`.
    """
    group = Group.join(check_device(run.device))
    with _locked(run, group):
        restarted = any(group.all_of(group.ranks.restarts))
        resume = group.of_first(group.together(lambda: _is_continued(run, group, restarted)))
        return _fit(run, resume, prepare, group)


def resume_in_folder(run: AnyRun, prepare: Prepare) -> dict[str, float]:
    """Go on from the last checkpoint of a folder that holds the run.

    Raises: the errors of `resume`.
    """
    group = Group.join(check_device(run.device))
    with _locked(run, group):
        return _fit(run, True, prepare, group)


@contextmanager
def _locked(run: AnyRun, group: Group) -> Iterator[None]:
    """Rank 0 locks the folder of the run for all ranks."""
    with ExitStack() as stack:
        group.together(lambda: _lock(run, stack) if group.ranks.is_first else None)
        yield


def _lock(run: AnyRun, stack: ExitStack) -> None:
    if run.folder.exists() and not run.folder.is_dir():
        raise OutputError(f"{printable(str(run.folder))} is a file; give a folder")
    stack.enter_context(lock(run.folder))
    remove_leftovers(run.folder)


def _is_continued(run: AnyRun, group: Group, restarted: bool) -> bool:
    """Whether an earlier start of these processes has begun this run; only rank 0 looks.

    Raises: UsageError if the folder is not empty and its run cannot be continued.
    """
    if not group.ranks.is_first or is_new(run):
        return False
    place = str(run.folder.absolute())
    # A run that existed before the first start does not belong to this command.
    if restarted and holds(run) and not was_refused(place):
        return True
    note_refusal(place)
    raise UsageError(
        f"{printable(str(run.folder))} is not empty; give another folder, or resume its run with "
        f"{run.option_to_resume}"
    )


def _fit(run: AnyRun, resume: bool, prepare: Prepare, group: Group) -> dict[str, float]:
    checkpoint = run.folder / LAST_CHECKPOINT
    resumed = checkpoint if resume and group.of_first(checkpoint.exists()) else None
    training = group.together(lambda: prepare(resumed is not None))
    require_same(training, group)
    group.together(lambda: _write_settings(run, resume) if group.ranks.is_first else None)
    recorder = RunRecorder(run.folder, training.save, training.info, group)
    with training.module.joined(group):
        _run_trainer(run, recorder, training, resumed)
    if resumed is not None and not recorder.rows:
        raise _foreign_state(resumed, "its table of metrics has no epoch")
    return recorder.rows[-1]


def _write_settings(run: AnyRun, resume: bool) -> None:
    if resume:
        note_environment(run)
    else:
        write_run(run)


def _run_trainer(
    run: AnyRun, recorder: RunRecorder, training: Training, resumed: Path | None
) -> None:
    previous = signal.getsignal(signal.SIGINT)
    group = recorder.group
    if run.device == "cpu":
        keep_freed_memory()
    try:
        with _quiet_lightning(), machine_errors(run.recipe, group.ranks):
            trainer = _trainer(run, recorder, training)
            trainer.fit(training.module, datamodule=training.data, ckpt_path=resumed)
    except SignbitError:
        raise
    # Lightning expects a checkpoint that Lightning wrote, but this file may come from elsewhere.
    except (LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        if resumed is None or recorder.began:
            raise
        raise _foreign_state(resumed, f"{type(error).__name__}: {first_line(error)}") from error
    except SystemExit as end:
        # Lightning turns Ctrl-C into this error after it has ended the training in order.
        raise _interrupted(run, recorder, end) from None
    finally:
        # Only the main thread can set signal handlers. None means that Python did not set the
        # handler.
        if previous is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, previous)


def _interrupted(run: AnyRun, recorder: RunRecorder, end: SystemExit) -> TrainingInterruptedError:
    checkpoint = run.folder / LAST_CHECKPOINT
    exists = checkpoint.exists()
    state = f"{checkpoint} is complete" if exists else "no checkpoint has been written yet"
    error = TrainingInterruptedError(
        f"interrupted after {recorder.saved} of {run.recipe.epochs} epochs; {state}. Resume with: "
        f"{run.way_on}",
        signal_of(end.__context__),
    )
    return recorder.group.told_once(error)


def _foreign_state(checkpoint: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{printable(str(checkpoint))}: its state does not have the form that signbit writes "
        f"({printable(reason)}); train again"
    )


def _ddp(training: Training) -> DDPStrategy:
    return DDPStrategy(find_unused_parameters=training.unused_parameters)


def _trainer(run: AnyRun, recorder: RunRecorder, training: Training) -> pl.Trainer:
    ranks = recorder.group.ranks
    return pl.Trainer(
        accelerator="gpu" if run.device == "cuda" else "cpu",
        devices=ranks.local_count,
        num_nodes=ranks.count // ranks.local_count,
        strategy=_ddp(training) if ranks.count > 1 else "auto",
        # Each rank already gets its own share of every batch.
        use_distributed_sampler=False,
        max_epochs=run.recipe.epochs,
        # Shapes never change, so one search for the fastest convolution is worth its time.
        benchmark=run.device == "cuda",
        logger=TensorBoardLogger(run.folder, name="", version="tensorboard"),
        callbacks=[
            KeptSignals(ranks),
            BinaryDiagnostics(),
            FiniteTraining(),
            RunProgress(ranks),
            recorder,
        ],
        plugins=[RunCheckpointIO(training.facts)],
        default_root_dir=run.folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
    )


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Hide Lightning's notes about hardware and loaders, which do not help our users."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            # A user cannot act on these warnings of DistributedDataParallel.
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view")
            warnings.filterwarnings("ignore", message="find_unused_parameters=True was specified")
            # lightning 2.6 calls a function that is deprecated in torch 2.13.
            warnings.filterwarnings("ignore", message="`isinstance\\(treespec, LeafSpec\\)`")
            yield
    finally:
        logger.setLevel(level)
