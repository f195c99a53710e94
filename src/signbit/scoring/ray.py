"""Predict on a cluster with Ray Data. Each worker has an engine; the model is sent once."""

import json
import os
import pkgutil
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import signbit
from signbit import errors
from signbit.errors import (
    DataError,
    MissingDependencyError,
    SignbitError,
    UsageError,
    WorkerError,
    first_line,
)
from signbit.scoring.parts import Job, Part, PartAnswerer, PartResult
from signbit.scoring.parts.folder import Runner
from signbit.scoring.parts.row_batches import RowAnswerer

if TYPE_CHECKING:
    from ray.data import Dataset

    from signbit.format.source import Source

LOCAL, AUTO = "local", "auto"
_CONNECT_SECONDS = 10
# A part that kills its worker every time must not be tried for ever.
_MOST_ATTEMPTS = 4


def runner(address: str = LOCAL, workers: int | None = None, threads: int = 1) -> Runner:
    """A runner for `predict_parts` that computes parts on a cluster of Ray.

    A worker that dies is replaced, and its part is computed again.

    address: HOST:PORT of a cluster; "auto" for the cluster that this machine belongs to; "local" to
        start a cluster on this machine and stop it at the end.
    workers: number of processes, each with an engine; None means as many as the cluster has CPUs
        for.
    threads: number of threads of each engine, which is also the number of CPUs for each worker.

    Raises: when it runs, UsageError for an address that is not allowed, and for more workers than
        the cluster has CPUs for; WorkerError where the cluster cannot be reached, where a machine
        has another version of signbit, or where a worker is lost; MissingDependencyError without
        Ray.
    """

    def run(job: Job, name: str, parts: Sequence[Part]) -> Iterator[PartResult]:
        with _cluster(address, workers, threads) as (ray, count):
            rows = [{"part": json.dumps(asdict(part))} for part in parts]
            attempts = ray.remote(num_cpus=0)(_Attempts).remote()
            dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
                _PartWorker,
                fn_constructor_args=(ray.put(job), name, threads, signbit.__version__, attempts),
                num_cpus=threads,
                compute=ray.data.ActorPoolStrategy(size=min(count, len(rows))),
            )
            with _one_line():
                for row in dataset.iter_rows():
                    yield _from_row(row)

    return run


def predict(
    dataset: "Dataset",
    model: "Source",
    column: str = "image",
    classes: Sequence[str] | None = None,
    top: int = 1,
    threshold: float = 0.5,
    batch_size: int = 64,
    workers: int | tuple[int, int] = 1,
    threads: int = 1,
) -> "Dataset":
    """The rows of a dataset of Ray Data, with the answers of a network as additional columns.

    The new columns are those of `signbit predict`, and `error`. If an image cannot be read, `error`
    is a text that says why, and its answers are null. Ray Data computes the columns when the rows
    are read. It also decides the order of the rows.

    dataset: the rows.
    model: a packed network, as in `signbit.load`. It is sent to each machine once.
    column: the column of images, for a network whose input is one image. It holds the bytes of
        image files of any size, or uint8 arrays of the input's shape. Other networks read the
        columns with the names of their inputs, which hold arrays of the inputs' shapes.
    classes: the names of the classes; None means the network's own names.
    top: number of likeliest classes in an answer.
    threshold: a label is in the answer if its probability is above this number, between 0 and 1.
    batch_size: number of rows in one batch.
    workers: number of processes, each with an engine. With (least, most), Ray chooses.
    threads: number of threads of each engine, which is also the number of CPUs for each worker.

    Raises: UsageError where the network returns maps or sequences; ModelFormatError for a damaged
        packed network; MissingDependencyError without Ray or pyarrow.
    """
    ray = _ray()
    from signbit.format import PackedModel
    from signbit.format.file import to_bytes

    content = to_bytes(PackedModel.load(model))
    job = Job(content, classes, threshold=threshold, top=top, batch_size=batch_size)
    job.check("parquet")
    least, most = (workers, workers) if isinstance(workers, int) else workers
    return dataset.map_batches(
        _RowWorker,
        fn_constructor_args=(ray.put(job), column, threads, signbit.__version__),
        batch_size=batch_size,
        batch_format="pyarrow",
        num_cpus=threads,
        compute=ray.data.ActorPoolStrategy(min_size=least, max_size=most),
    )


class _Attempts:
    """An actor that counts how often each part was begun."""

    def __init__(self):
        self._counts: Counter[int] = Counter()

    def begin(self, number: int) -> int:
        self._counts[number] += 1
        return self._counts[number]


class _PartWorker:
    """An actor of Ray Data that computes parts."""

    def __init__(self, job: Any, name: str, threads: int, version: str, attempts: Any):
        self._attempts = attempts
        self._answerer: PartAnswerer | None = None
        try:
            _require_version(os.uname().nodename, signbit.__version__, version)
            self._answerer = PartAnswerer(_ray().get(job), name, threads)
        except SignbitError as error:
            self._problem = error

    def __call__(self, row: Mapping[str, str]) -> dict[str, Any]:
        part = Part(**json.loads(row["part"]))
        if self._answerer is None:
            return _to_row(PartResult(part.number, problem=self._problem))
        if _ray().get(self._attempts.begin.remote(part.number)) > _MOST_ATTEMPTS:
            problem = DataError(
                f"part {part.number}, from {part.files[0][0]}: {_MOST_ATTEMPTS} workers died while "
                "they computed it; give each worker more memory, or check the files of the part"
            )
            return _to_row(PartResult(part.number, problem=problem))
        return _to_row(self._answerer(part))


class _RowWorker:
    """An actor of Ray Data that adds answers to rows."""

    def __init__(self, job: Any, column: str, threads: int, version: str):
        _require_version(os.uname().nodename, signbit.__version__, version)
        self._answerer = RowAnswerer(_ray().get(job), column, threads)

    def __call__(self, rows: Any) -> Any:
        return self._answerer(rows)


def _to_row(result: PartResult) -> dict[str, Any]:
    problem = result.problem
    kind = "" if problem is None else type(problem).__name__
    row = {name: getattr(result, name) for name in PartResult.__dataclass_fields__}
    return {**row, "problem": "" if problem is None else str(problem), "kind": kind}


def _from_row(row: dict[str, Any]) -> PartResult:
    kind, text = row.pop("kind"), row.pop("problem")
    return PartResult(**row, problem=getattr(errors, kind)(text) if kind else None)


def _require_version(machine: str, found: str, wanted: str) -> None:
    """Raises: WorkerError where a machine has another version."""
    if found != wanted:
        raise WorkerError(
            f"the machine {machine} has signbit {found}, but this command has {wanted}; install "
            "the same version on all machines"
        )


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingDependencyError(
            "a cluster needs Ray; install it with: pip install 'signbit[ray]'"
        ) from error
    return ray


@contextmanager
def _cluster(address: str, workers: int | None, threads: int) -> Iterator[tuple[Any, int]]:
    """Connect to Ray; yields its module and the number of workers. An open connection is used."""
    ray = _ray()
    ours = not ray.is_initialized()
    try:
        if ours:
            _connect(ray, address, workers, threads)
        cpus = int(ray.cluster_resources().get("CPU", 0))
        count = cpus // threads if workers is None else workers
        if not 1 <= count * threads <= cpus:
            raise UsageError(
                f"the workers need {max(count, 1) * threads} CPUs ({max(count, 1)} with {threads} "
                f"threads each), but the cluster has {cpus}; choose fewer workers or threads"
            )
        if ours:
            _be_quiet(ray)
        with _one_line():
            _check_machines(ray)
        # Ray prints messages of its daemons, such as that a worker died, to standard output.
        with redirect_stdout(sys.stderr) if ours else nullcontext():
            yield ray, count
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any, address: str, workers: int | None, threads: int) -> None:
    # Ray must not send statistics about its use.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray reports the way in which Ray Data starts its actors as an error, though it is none.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options["include_dashboard"] = False
        if workers is not None:
            options["num_cpus"] = workers * threads
    elif address != AUTO:
        _require_listener(address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, **options)
    except Exception as error:  # Ray raises errors of many types
        raise WorkerError(f"no cluster of Ray at {address}: {first_line(error)}") from error
    finally:
        # Ray has set a handler of its own, which would end the process with another exit code.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _require_listener(address: str) -> None:
    """Raises: WorkerError where no process listens. Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise UsageError(f"Ray address {address!r}; give HOST:PORT, auto or local")
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise WorkerError(f"no cluster of Ray at {address}: {first_line(error)}") from error


def _be_quiet(ray: Any) -> None:
    """Turn off the progress bars and logs of Ray: the command has a progress bar of its own."""
    import logging

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _check_machines(ray: Any) -> None:
    """Raises: WorkerError where a machine of the cluster has no signbit, or another version.

    Without this check, Ray would print pages about it. The function that runs on the machine is
    Python's own. To run a function of ours, the machine would have to import signbit.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Only

    ask = ray.remote(pkgutil.resolve_name)
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    for node in nodes:
        placed = ask.options(num_cpus=0, scheduling_strategy=Only(node["NodeID"], soft=False))
        try:
            found = ray.get(placed.remote("signbit:__version__"))
        except ray.exceptions.RayTaskError as error:
            raise WorkerError(
                f"the machine {node['NodeManagerHostname']} of the cluster cannot import signbit "
                f"({first_line(error.cause)}); install it on all machines"
            ) from error
        _require_version(node["NodeManagerHostname"], found, signbit.__version__)


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn errors of Ray into a WorkerError with one line."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise WorkerError(_said(error)) from error


def _said(error: BaseException) -> str:
    text = str(error)
    if "No module named 'signbit" in text:
        return (
            "a worker has no signbit, so it cannot load the model; install signbit on all machines "
            "of the cluster"
        )
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    return (
        f"a worker was lost: {last.strip() or type(error).__name__}; the parts of the other "
        "workers are written"
    )
