"""An engine in forked processes, in process pools, and while the interpreter ends."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from signbit.runtime.engine import Engine, available_isas

PATIENCE_SECONDS = 60


def exit_code_of_child(work: Callable[[], None]) -> int:
    """0 where a forked process does the work, 1 where it raises, 9 where it has to be killed."""
    with warnings.catch_warnings():
        # Later Pythons warn of just what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 9


@contextmanager
def busy(engine: Engine, images) -> Iterator[None]:
    """Another thread predicts all the while."""
    ended = threading.Event()

    def predict() -> None:
        while not ended.is_set():
            engine.scores(images)

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_child_that_is_forked_while_a_thread_predicts_has_an_engine(
    small_model, small_images, threads
):
    engine = Engine(small_model, threads)
    expected = engine.scores(small_images)

    def work() -> None:
        np.testing.assert_array_equal(engine.scores(small_images), expected)
        assert engine.threads == threads

    with busy(engine, np.repeat(small_images, 200, axis=0)):
        codes = [exit_code_of_child(work) for _ in range(5)]
    assert codes == [0] * 5
    np.testing.assert_array_equal(engine.scores(small_images), expected)


def test_a_child_may_drop_the_engine_of_its_parent(small_model, small_images):
    """Its threads do not exist there, and must not be waited for."""
    engines = [Engine(small_model, 3)]
    engines[0].scores(small_images)
    assert exit_code_of_child(engines.clear) == 0
    assert engines


def test_a_child_of_a_child_has_an_engine(small_model, small_images):
    engine = Engine(small_model, 2)
    expected = engine.scores(small_images)

    def work() -> None:
        np.testing.assert_array_equal(engine.scores(small_images), expected)

    def work_and_fork() -> None:
        work()
        assert exit_code_of_child(work) == 0

    assert exit_code_of_child(work_and_fork) == 0


@pytest.mark.parametrize("carry", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
@pytest.mark.parametrize("isa", [None, "scalar"])
def test_a_carried_engine_gives_the_same_scores(small_model, small_images, carry, isa):
    engine = Engine(small_model, 2, isa)
    carried = carry(engine)
    assert (carried.threads, carried.isa) == (2, isa or available_isas()[0])
    assert carried.preprocessing == engine.preprocessing
    np.testing.assert_array_equal(carried.scores(small_images), engine.scores(small_images))


END = """
import sys, threading, time
import numpy as np, signbit
engine = signbit.load(sys.argv[1], threads=int(sys.argv[2]))
images = np.zeros((int(sys.argv[3]), 12, 10, 3), np.uint8)
def predict():
    while True:
        engine.scores(images)
for _ in range(4):
    threading.Thread(target=predict, daemon=True).start()
time.sleep(0.1)
sys.exit(7)
"""


@pytest.mark.parametrize(("threads", "images"), [(1, 1), (2, 1), (2, 5000)])
def test_the_end_of_the_interpreter_finds_daemon_threads_at_work(
    small_model, tmp_path, threads, images
):
    small_model.save(tmp_path / "small.signbit")
    command = [sys.executable, "-c", END, str(tmp_path / "small.signbit"), str(threads)]
    done = subprocess.run([*command, str(images)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (7, "")


SUBINTERPRETER = """
import sys
import numpy as np, signbit
engine = signbit.load(sys.argv[1])
images = np.zeros((2, 12, 10, 3), np.uint8)
before = engine.scores(images)
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreter = interpreters.create()
interpreters.run_string(interpreter, '''
try:
    import signbit.runtime._engine
except ImportError as error:
    print(error)
''')
interpreters.destroy(interpreter)
assert (engine.scores(images) == before).all()
assert (signbit.load(sys.argv[1]).scores(images) == before).all()
"""


def test_a_subinterpreter_is_refused_at_import_and_harms_no_engine(small_model, tmp_path):
    """In a process of its own: Python counts subinterpreters for as long as it lives."""
    small_model.save(tmp_path / "small.signbit")
    command = [sys.executable, "-c", SUBINTERPRETER, str(tmp_path / "small.signbit")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "subinterpreter" in done.stdout
