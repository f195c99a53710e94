"""Measure a packed network, against the limit of the machine and against other runtimes."""

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

# A limit is measured for about this long, several times.
_LIMIT_ROUNDS = 20_000
# Threads of a peer spin for a while after its run, on cores that the next one measured needs.
_REST = 0.02


@dataclass(frozen=True)
class StepTime:
    """One step of the engine: an operation, with a threshold where it has one.

    macs: multiply-adds of a convolution or linear layer for one image, 0 for other operations.
    seconds: median, of one image.
    share: of the time of all steps.
    limit_seconds: of a binary convolution, what its multiply-adds take on registers, or, where
        the weights serve a single position, what reading them takes, if that is more; None where
        no limit is known.
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
        """Binary multiply-adds in a second."""
        return self.macs / self.seconds if self.seconds else 0.0

    @property
    def of_limit(self) -> float | None:
        """How much of the limit's speed it reaches."""
        return self.limit_seconds / self.seconds if self.limit_seconds else None


@dataclass(frozen=True)
class Benchmark:
    """Medians of one run.

    seconds: of one image, whole, by batch size.
    limit: binary multiply-adds a second that registers alone allow on one thread; None where it
        is not known for the instruction set.
    peers: seconds of one image in other runtimes, on networks of the same shapes
        (`signbit.bench.peers`).
    missing: why other peers were not measured.
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
        """Multiply-adds of one image, those of real layers too."""
        return sum(step.macs for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
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
    """Time engine, limit and peers in turn, round by round, so that noise hits all alike.

    rounds: how many of each; the figures are medians.
    advance: called with 1 after each round.
    """
    engine = Engine(model, threads, isa)
    samples = random_inputs(model, max(batches))
    given = (samples, peer_arrays(model, samples))
    own, theirs = ({batch: _first(one, batch) for batch in (1, *batches)} for one in given)
    peers, missing = make_peers(model, threads) if with_peers else ({}, {})
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
    """Binary convolutions that give one position: each weight is read for one use."""
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
