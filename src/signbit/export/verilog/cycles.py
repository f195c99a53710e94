"""A model of the handshakes of `rtl`: the cycle in which each beat of each stream is taken.

A stream is a generator. It yields the earliest cycle in which its next beat can be taken. Its
reader sends it the cycle in which the beat was taken. Cycle 0 is the first one after the reset.
"""

from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

Stream = Generator[int, int, None]
Timing = Callable[[Stream], Stream]


class _Taker:
    """Takes the beats of a stream one after the other."""

    def __init__(self, stream: Stream):
        self._stream = stream
        self._taken: int | None = None

    def valid(self) -> int:
        """The earliest cycle for the next beat."""
        if self._taken is None:
            return next(self._stream)
        return self._stream.send(self._taken)

    def take(self, cycle: int) -> None:
        """Tell the stream when its beat was taken."""
        self._taken = cycle


def source(beats: int) -> Stream:
    """A stream whose beats are always ready."""
    taken = -1
    for _ in range(beats):
        taken = yield taken + 1


def window(steps: Callable[[], Iterator[tuple[bool, bool]]]) -> Timing:
    """signbit_window.  steps: for each step of a map, whether it reads a beat and writes one."""

    def timing(stream: Stream) -> Stream:
        taker, now = _Taker(stream), 0
        while True:
            for takes, gives in steps():
                if takes:
                    try:
                        now = max(now, taker.valid())
                    except StopIteration:
                        return
                    taker.take(now)
                now += 1
                if gives:
                    now = yield now

    return timing


def passes(count: int, positions: int) -> Timing:
    """signbit_passes: `count` passes for each beat; after `positions` beats the sums leave."""

    def timing(stream: Stream) -> Stream:
        taker, now, free, position = _Taker(stream), 0, 0, 0
        while True:
            try:
                now = max(now, taker.valid())
            except StopIteration:
                return
            last = position == positions - 1
            position = 0 if last else position + 1
            for number in range(count):
                if last:
                    now = max(now, free)
                if number == count - 1:
                    taker.take(now)
                now += 1
                if last:
                    free = yield now

    return timing


def collect(count: int) -> Timing:
    """signbit_threshold, signbit_argmax: one beat for each `count` beats, held in a register."""

    def timing(stream: Stream) -> Stream:
        taker, free, number = _Taker(stream), 0, 0
        while True:
            try:
                now = max(taker.valid(), free)
            except StopIteration:
                return
            taker.take(now)
            number += 1
            if number == count:
                number = 0
                free = yield now + 1

    return timing


def serial(channels: int, lanes: int) -> Timing:
    """signbit_serial: a beat for each of `channels`; `lanes` of them arrive in a beat."""

    def timing(stream: Stream) -> Stream:
        taker, now = _Taker(stream), 0
        while True:
            for first in range(0, channels, lanes):
                try:
                    now = max(now, taker.valid())
                except StopIteration:
                    return
                for _ in range(min(lanes, channels - first)):
                    now = (yield now) + 1
                taker.take(now - 1)

    return timing


def affine(stream: Stream) -> Stream:
    """signbit_affine: two registers."""
    return collect(1)(collect(1)(stream))


def through(stream: Stream) -> Stream:
    """A module without registers."""
    return stream


def taken(stream: Stream) -> list[int]:
    """The cycles in which the beats are taken by a reader that is always ready."""
    taker, cycles = _Taker(stream), list[int]()
    while True:
        try:
            cycles.append(taker.valid())
        except StopIteration:
            return cycles
        taker.take(cycles[-1])


class Run(NamedTuple):
    """How long the golden samples take.

    results: the cycles until the last beat of each sample was taken. Empty where streams part or
        join, because the model does not know how they wait for each other.
    cycles: the cycles until the last beat of all; without results, an upper estimate.
    """

    results: list[int]
    cycles: int

    @property
    def is_exact(self) -> bool:
        """Whether the cycles are known."""
        return bool(self.results)
