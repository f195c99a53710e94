"""What callers of the engine may rely on: threads, batches, inputs, errors."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers.nodes import first_bits, images_for, random_weight, viewed, window

import signbit
from signbit.errors import EngineError, InputTypeError, ModelFormatError, UsageError
from signbit.format import Node, PackedModel
from signbit.machine import usable_cores
from signbit.runtime import reference
from signbit.runtime.engine import Engine, available_isas


@pytest.fixture(scope="module")
def model(small_model) -> PackedModel:
    return small_model


@pytest.fixture(scope="module")
def images(small_images):
    return small_images


@pytest.fixture(scope="module")
def scores(model, images):
    return Engine(model).scores(images)


def test_scores_are_those_of_the_reference(model, images, scores):
    np.testing.assert_allclose(scores, reference.scores(model, images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("batch", [1, 2, 5, 7])
def test_threads_and_batches_change_nothing(model, images, scores, threads, batch):
    engine = Engine(model, threads)
    assert engine.threads == threads
    for start in range(0, len(images), batch):
        found = engine(images[start : start + batch])
        np.testing.assert_array_equal(found, scores[start : start + batch])


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_images_of_a_batch_that_share_weights_stay_apart(isa, threads):
    """A linear layer of 320 KB: a thread computes several images of a batch together."""
    rng = np.random.default_rng(4)
    linear = window((8, 8), padding=(0, 0, 0, 0)) | {"channels": 640, "groups": 1}
    weight = random_weight(rng, 640, (8, 8), 64)
    scale = {"scale": np.ones(640, np.float32), "bias": np.zeros(640, np.float32)}
    nodes = [*first_bits(rng, 64), Node("conv_bits", (2,), linear | {"padding_value": 0}, weight)]
    model = viewed([*nodes, Node("affine", (3,), {}, scale)], (8, 8))
    images = images_for(rng, model, 37)
    engine, wanted = Engine(model, threads, isa), reference.scores(model, images)
    for count in (37, 2, 1):
        np.testing.assert_array_equal(engine.scores(images[:count]), wanted[:count])


@pytest.mark.skipif(
    sys.platform != "linux" or usable_cores() < 2, reason="needs Linux and two cores"
)
def test_threads_may_run_on_every_core_again_after_they_woke(model, images):
    tasks = Path("/proc/self/task")
    before = set(tasks.iterdir())
    engine = Engine(model, threads=3)
    threads = [int(one.name) for one in set(tasks.iterdir()) - before]

    def changed():
        return [one for one in threads if os.sched_getaffinity(one) != os.sched_getaffinity(0)]

    # A thread that sleeps wakes on another core than the caller's; then it may leave that core. It
    # may also wake by itself at that moment.
    for call in range(600):
        engine(images[: 1 + call % 3])
        time.sleep(0.0004 * (call % 5) if call % 7 == 0 else 0)
    end = time.monotonic() + 5
    while changed() and time.monotonic() < end:
        time.sleep(0.02)
    assert not changed()


def test_several_python_threads_share_an_engine(model, images, scores):
    engine = Engine(model, 2)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(engine.scores, [images] * 40):
            np.testing.assert_array_equal(found, scores)


def test_classify_gives_the_first_of_the_highest(model, images, scores):
    labels = Engine(model).classify(images)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, scores.argmax(1))


def test_images_need_not_be_contiguous_or_writable(model, images, scores):
    engine = Engine(model)
    wide = np.repeat(images, 2, axis=2)
    np.testing.assert_array_equal(engine(wide[:, :, ::2]), scores)
    np.testing.assert_array_equal(engine(np.asfortranarray(images)), scores)
    frozen = images.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(engine(frozen), scores)


def test_threads_that_the_system_does_not_start_are_an_error(tmp_path, model):
    """With stacks larger than any address space, in a process of its own, which must not abort."""
    model.save(tmp_path / "small.signbit")
    code = """
import ctypes, sys
import numpy  # its OpenBLAS may start threads of its own
import signbit
from signbit.errors import EngineError
libc = ctypes.CDLL(None)
attributes = ctypes.create_string_buffer(64)
assert libc.pthread_attr_init(attributes) == 0
assert libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(1 << 50)) == 0
assert libc.pthread_setattr_default_np(attributes) == 0
try:
    signbit.load(sys.argv[1], threads=3)
except EngineError as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "small.signbit")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("this machine has no room to run the network on 3 threads (")


def test_memory_that_the_system_does_not_give_is_an_error(model, monkeypatch):
    def full(*arguments):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr("signbit.runtime._process_engine._engine.Engine", full)
    with pytest.raises(EngineError, match=r"no room .* on 1 threads \(std::bad_alloc\)"):
        Engine(model)


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (np.zeros((1, 12, 10, 3), np.float32), InputTypeError, r"float32.*accepts uint8 of shape"),
        ([[0]], InputTypeError, r"input 'pixels' is list"),
        (np.zeros((12, 10, 3), np.uint8), UsageError, r"\(12, 10, 3\).*\(N, 12, 10, 3\)"),
        (np.zeros((1, 10, 12, 3), np.uint8), UsageError, r"\(1, 10, 12, 3\)"),
        (np.zeros((0, 12, 10, 3), np.uint8), UsageError, r"no sample; give one or more"),
    ],
    ids=["dtype", "list", "rank", "size", "empty"],
)
def test_wrong_images_are_an_error(model, wrong, kind, message):
    with pytest.raises(kind, match=message):
        Engine(model).scores(wrong)


@pytest.mark.parametrize("threads", [0, -1, 257, 1.0, True])
def test_wrong_threads_are_an_error(model, threads):
    with pytest.raises(UsageError, match="give a whole number, 1 to 256"):
        Engine(model, threads)


def test_a_network_of_integers_takes_no_normalized_images(model):
    with pytest.raises(UsageError, match="give it uint8 images"):
        Engine(model).from_normalized(np.zeros((1, 12, 10, 3), np.float32))


def test_scalar_is_always_there_and_a_chosen_set_is_the_one_that_runs(model):
    assert available_isas()[-1] == "scalar"
    for isa in available_isas():
        assert Engine(model, isa=isa).isa == isa
    with pytest.raises(UsageError, match=r"isa is 'sse9'.*scalar"):
        Engine(model, isa="sse9")


@pytest.mark.parametrize(("chosen", "said"), [("scalar", "scalar"), ("sse9", "SIGNBIT_ISA is")])
def test_the_environment_forces_an_instruction_set(model, tmp_path, chosen, said):
    model.save(tmp_path / "m.signbit")
    code = "import signbit, sys; print(signbit.load(sys.argv[1]).isa)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.signbit")],
        env=os.environ | {"SIGNBIT_ISA": chosen},
        capture_output=True,
        text=True,
    )
    assert said in done.stdout + done.stderr
    assert (done.returncode == 0) == (chosen == "scalar")


def test_load_takes_paths_and_bytes_and_imports_no_torch(model, tmp_path, images, scores):
    path = tmp_path / "m.signbit"
    model.save(path)
    for source in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(signbit.load(source, threads=2)(images), scores)
    code = "import signbit, sys; signbit.load(sys.argv[1]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    with pytest.raises(ModelFormatError, match="cannot be read: No such file"):
        signbit.load(tmp_path / "nothing.signbit")


def test_time_is_told_for_every_step(model, images):
    times = Engine(model).timed(images)
    assert min(times.values()) >= 0
    assert 1 in times
