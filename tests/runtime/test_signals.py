"""Ctrl-C during a call, and what a signal handler may do."""

import signal
import threading
import time

import numpy as np
import pytest

from signbit.errors import EngineError
from signbit.runtime._process_engine import ProcessEngine
from signbit.runtime.engine import Engine


class StoppedError(Exception):
    """Raised by the handler."""


@pytest.fixture
def alarm():
    """Calls a handler in the main thread after a moment: `alarm(seconds, handler)`."""
    before = signal.getsignal(signal.SIGALRM)

    def start(seconds: float, handler) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def stop(number, frame):
    raise StoppedError


@pytest.fixture(scope="module")
def many(small_model, small_images):
    """Images that keep one thread for about two seconds, on any machine."""
    engine = Engine(small_model, isa="scalar")

    def seconds() -> float:
        start = time.perf_counter()
        engine.scores(small_images)
        return time.perf_counter() - start

    return np.repeat(small_images, int(2 / min(seconds() for _ in range(50))), axis=0)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_signal_ends_a_call_and_the_engine_goes_on(
    small_model, small_images, many, alarm, threads
):
    engine = Engine(small_model, threads, "scalar")
    expected = engine.scores(small_images)
    scores = np.full((len(many), 10), np.nan, np.float32)
    alarm(0.1, stop)
    with pytest.raises(StoppedError):
        engine._process_engine.run([many], [scores])
    assert np.isnan(scores[-1]).all()
    for images in (small_images, small_images[:1]):
        np.testing.assert_array_equal(engine.scores(images), expected[: len(images)])


def test_a_signal_is_answered_while_another_thread_is_being_served(
    small_model, small_images, many, alarm
):
    engine = Engine(small_model, isa="scalar")
    served = threading.Event()

    def serve() -> None:
        served.set()
        engine.scores(many)

    thread = threading.Thread(target=serve)
    thread.start()
    served.wait()
    alarm(0.1, stop)
    with pytest.raises(StoppedError):
        engine.scores(many)
    assert thread.is_alive()
    thread.join()


def test_a_handler_that_raises_nothing_does_not_end_a_call(small_model, many, alarm):
    engine = Engine(small_model, isa="scalar")
    called = []
    alarm(0.1, lambda number, frame: called.append(number))
    scores = np.full((len(many), 10), np.nan, np.float32)
    engine._process_engine.run([many], [scores])
    assert called
    assert not np.isnan(scores).any()


def test_a_handler_that_calls_the_engine_it_interrupts_is_an_error(
    small_model, small_images, many, alarm
):
    engine = Engine(small_model, isa="scalar")
    alarm(0.1, lambda number, frame: engine.scores(small_images))
    with pytest.raises(EngineError, match="whose call it interrupts"):
        engine.scores(many)
    assert engine.scores(small_images).shape == (7, 10)


def test_only_the_main_thread_is_asked_for_signals(small_model, small_images, monkeypatch):
    process_engine = ProcessEngine(small_model, 1, "")
    asked = []

    class Recorder:
        def run(self, inputs, outputs, normalized, seconds, signals) -> None:
            asked.append(signals)

    process_engine._own.engine = Recorder()  # pyright: ignore[reportAttributeAccessIssue]
    scores = np.empty((7, 10), np.float32)
    arrays = [small_images], [scores]
    process_engine.run(*arrays)
    thread = threading.Thread(target=process_engine.run, args=arrays)
    thread.start()
    thread.join()
    assert asked == [True, False]
