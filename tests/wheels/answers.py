"""Run the installed package as its first user does; `install.py` runs this in bare environments.

    python answers.py [FILE.npz KERNEL_SETS to-the-last-bit|nearly]

FILE.npz holds pixels for networks of the zoo, and what the NumPy reference and the engine that was
built from source answered on another machine. Without it the reference answers here, and the
engine is compared with itself. KERNEL_SETS are those that the engine must find on this processor,
such as avx2,scalar. Each of them must give the same scores to the last bit. They may differ from
those of the reference by 1e-6, as log-softmax takes `exp` and `log` from the mathematical library;
one wrong bit in the network shifts a score by far more. Imports nothing but the package and NumPy.
"""

import sys
import threading
import time
from importlib.metadata import version
from typing import Any

import numpy as np

import signbit
from signbit import zoo
from signbit.format import PackedModel
from signbit.runtime import engine, reference

# Under qemu the largest network of the zoo would take minutes.
NETWORKS = ("digits_binary", "resnet20", "vgg_cifar10_quarter")


def expected() -> dict[str, Any]:
    """Pixels for networks of the zoo, and what the reference and this engine answer."""
    arrays = {}
    generator = np.random.default_rng(0)
    for name in NETWORKS:
        model = PackedModel.load(zoo.read(name))
        shape = (3, *model.preprocessing.size, model.preprocessing.channels)
        pixels = generator.integers(0, 256, shape, np.uint8)
        arrays[f"{name}/pixels"] = pixels
        arrays[f"{name}/reference"] = reference.scores(model, pixels)
        arrays[f"{name}/engine"] = engine.Engine(model)(pixels)
    return arrays


def check_scores(arrays: dict[str, Any], exactly: bool) -> None:
    """Compare each network, kernel set and number of threads."""
    for network in NETWORKS:
        model, pixels = PackedModel.load(zoo.read(network)), arrays[f"{network}/pixels"]
        first = engine.Engine(model, 1, "scalar")(pixels)
        np.testing.assert_allclose(first, arrays[f"{network}/reference"], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(first, arrays[f"{network}/engine"], rtol=1e-6, atol=1e-6)
        if exactly:
            np.testing.assert_array_equal(first, arrays[f"{network}/engine"], strict=True)
        for isa in engine.available_isas():
            for threads in (1, 2):
                scores = engine.Engine(model, threads, isa)(pixels)
                np.testing.assert_array_equal(scores, first, strict=True)


def check_kernel_sets(wanted: list[str]) -> None:
    """A compiler whose runtime cannot tell processors apart would leave the slow kernels alone."""
    assert engine.available_isas() == wanted, (engine.available_isas(), wanted)
    assert zoo.load("digits_binary").isa == wanted[0]


def check_exceptions() -> None:
    """What the engine throws must come through as Python's own exception."""
    try:
        engine._engine.run_limit("no such set", 1)
    except IndexError:
        return
    raise AssertionError("a C++ exception was lost")


def check_package() -> None:
    """The core needs no torch, and the version is that of the wheel."""
    for name in ("torch", "lightning"):
        assert name not in sys.modules, name
    assert signbit.__version__ == version("signbit")


def predict_for_ever(runner: engine.Engine, pixels: Any) -> None:
    """What a daemon thread does."""
    while True:
        runner(pixels)


def main() -> None:
    """Compare, print one line, and end while threads predict: an unwinder too many would crash."""
    if len(sys.argv) > 1:
        _, file, kernel_sets, same = sys.argv
        arrays = dict(np.load(file))
        check_kernel_sets(kernel_sets.split(","))
        check_scores(arrays, exactly={"to-the-last-bit": True, "nearly": False}[same])
    else:
        arrays = expected()
        check_scores(arrays, exactly=True)
    check_exceptions()
    check_package()
    runner = zoo.load("digits_binary", threads=2)
    pixels = arrays["digits_binary/pixels"]
    for _ in range(4):
        threading.Thread(target=predict_for_ever, args=(runner, pixels), daemon=True).start()
    time.sleep(0.1)  # the end finds them at work
    where = f"Python {sys.version.split()[0]}, {'-'.join(engine.available_isas())}"
    print(f"{where}: {len(NETWORKS)} networks as the reference, in {signbit.__file__}")


if __name__ == "__main__":
    main()
