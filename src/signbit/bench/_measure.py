"""Measure a packed network, next to the limit of the machine and to other runtimes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from signbit.bench.peers import Arrays, make_peers, peer_arrays
from signbit.format import PackedModel
from signbit.machine import processor
from signbit.runtime import _engine
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs

# The number of rounds in one measurement of a limit.
_LIMIT_ROUNDS = 20_000
# The threads of a peer spin for a while after its run, on cores that the next measurement needs.
_REST = 0.02


@dataclass(frozen=True)
class StepTime:
    """One step of the engine: an operation, with a threshold where it has one.

    node: the number of the first node that the step computes.
    op: the name of its operation.
    gives: the kind and size of the value that it returns.
    macs: multiply-adds of a convolution or linear layer for one image; 0 for other operations.
    seconds: the median time for one image.
    share: the share of this step in the time of all steps.
    limit_seconds: for a binary convolution, the time that its multiply-adds need on registers
        alone. Where each weight is used at only one position, it is the time to read the weights,
        if that is longer. None where no limit is known.
    """

    node: int
    op: str
    gives: str
    macs: int
    seconds: float
    share: float
    limit_seconds: float | None

    @property
    def macs_per_second(self) -> float:
        """Multiply-adds in a second."""
        return self.macs / self.seconds if self.seconds else 0.0

    @property
    def of_limit(self) -> float | None:
        """The reached share of the limit's speed; None where no limit is known."""
        return self.limit_seconds / self.seconds if self.limit_seconds else None


@dataclass(frozen=True)
class Benchmark:
    """The medians of one run.

    processor: the name of the processor.
    isa: the instruction set of the engine.
    threads: the number of threads.
    rounds: how often each was timed.
    steps: the steps of the engine, timed on one image.
    seconds: the time of the whole network for one image, by batch size.
    limit: the binary multiply-adds a second that one thread can do on registers alone. None where
        the limit of the instruction set is not known.
    limit_is: the instructions of the limit, in words.
    peers: for each other runtime, the seconds for one image by batch size, on networks of the same
        shapes (`signbit.bench.peers`).
    missing: for each peer that was not measured, the reason.
    """

    processor: str
    isa: str
    threads: int
    rounds: int
    steps: Sequence[StepTime]
    seconds: dict[int, float]
    limit: float | None
    limit_is: str
    peers: dict[str, dict[int, float]]
    missing: dict[str, str]

    @property
    def macs(self) -> int:
        """The multiply-adds for one image, those of real layers included."""
        return sum(step.macs for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "macs": self.macs}


def bench(
    model: PackedModel,
    threads: int = 1,
    batches: Sequence[int] = (1, 32),
    rounds: int = 50,
    isa: str | None = None,
    with_peers: bool = True,
    advance: Callable[[int], None] = lambda count: None,
) -> Benchmark:
    """Time the engine, the limit and the peers in turn, round by round, so that noise hits all.

    model: the packed network. Its inputs are random.
    threads: the number of threads of the engine and of the peers.
    batches: the batch sizes to time.
    rounds: how often each is timed; the figures are medians.
    isa: the instruction set of the engine; None as in `Engine`.
    with_peers: whether to time other runtimes as well.
    advance: called with 1 after each round.

    Raises: UsageError and EngineError as `Engine`.
    """
    engine = Engine(model, threads, isa)
    samples = random_inputs(model, max(batches))
    given = (samples, peer_arrays(model, samples))
    own, theirs = ({batch: _first(one, batch) for batch in (1, *batches)} for one in given)
    peers, missing = make_peers(model, threads) if with_peers else ({}, {})
    for peer in peers.values():  # some compile in their first run of a batch size
        for batch in batches:
            peer(theirs[batch])
    steps: list[dict[int, float]] = []
    whole: dict[int, list[float]] = {batch: [] for batch in batches}
    others = {name: {batch: [] for batch in batches} for name in peers}
    limits, readings = [], {node: [] for node in _single_positions(model)}
    for _ in range(rounds):
        steps.append(engine.timed(own[1]))
        if _engine.limit_of(engine.isa):
            limits.append(_limit(engine.isa))
        for node, times in readings.items():
            words = model.node(node).tensors["weight"]
            times.append(_engine.seconds_to_read(words.reshape(-1)))
        for batch in batches:
            whole[batch].append(_seconds(engine.run, own[batch]) / batch)
            for name, peer in peers.items():
                others[name][batch].append(_seconds(peer, theirs[batch]) / batch)
                time.sleep(_REST if threads > 1 else 0)
        advance(1)
    limit = median(limits) if limits else None
    return Benchmark(
        processor=processor(),
        isa=engine.isa,
        threads=threads,
        rounds=rounds,
        steps=_steps(model, steps, threads, limit, _medians(readings)),
        seconds=_medians(whole),
        limit=limit,
        limit_is=_engine.limit_of(engine.isa),
        peers={name: _medians(times) for name, times in others.items()},
        missing=missing,
    )


def _first(samples: Arrays, count: int) -> Arrays:
    return {name: array[:count] for name, array in samples.items()}


def _medians(times: dict[int, list[float]]) -> dict[int, float]:
    return {key: median(some) for key, some in times.items()}


def _seconds(run: Callable[[Any], Any], samples: Arrays) -> float:
    start = time.perf_counter()
    run(samples)
    return time.perf_counter() - start


def _limit(isa: str) -> float:
    start = time.perf_counter()
    macs = _engine.run_limit(isa, _LIMIT_ROUNDS)
    return macs / (time.perf_counter() - start)


def _single_positions(model: PackedModel) -> list[int]:
    """Binary convolutions with one output position: each weight is read for a single use."""
    return [
        number
        for number, node in model.numbered()
        if node.op == "conv_bits" and model.types[number][1:3] == (1, 1)
    ]


def _steps(
    model: PackedModel,
    rounds: Sequence[dict[int, float]],
    threads: int,
    limit: float | None,
    readings: dict[int, float],
) -> list[StepTime]:
    medians = {node: median(times[node] for times in rounds) for node in rounds[0]}
    total = sum(medians.values())

    def least(node: int) -> float | None:
        if not limit or model.node(node).op != "conv_bits":
            return None
        return max(_macs(model, node) / limit, readings.get(node, 0.0)) / threads

    return [
        StepTime(
            node,
            model.node(node).op,
            str(model.types[node]).partition(" ")[2],
            _macs(model, node),
            seconds,
            seconds / total,
            least(node),
        )
        for node, seconds in medians.items()
    ]


def _macs(model: PackedModel, number: int) -> int:
    node = model.node(number)
    source, output = model.types[node.inputs[0]], model.types[number]
    return model.operation(number).macs(node, source, output)
