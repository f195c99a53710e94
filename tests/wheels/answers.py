"""Run the installed package as its first user does; `install.py` runs this in bare environments.

    python answers.py [FILE.npz [KERNEL_SETS]]

FILE.npz holds pixels for networks of the zoo, and what the NumPy reference answered on another
machine; without it the reference answers here. Each kernel set of the processor must give the same
scores to the last bit, and those of the reference to 1e-6: log-softmax takes `exp` and `log` from
the mathematical library, and one wrong bit in the network shifts a score by far more. Imports
nothing but the package and NumPy.
"""

import sys
import threading
import time
from importlib.metadata import version

import numpy as np

import signbit
from signbit import zoo
from signbit.format import PackedModel
from signbit.runtime import engine, reference

# Under qemu the largest network of the zoo would take minutes.
NETWORKS = ("digits_binary", "resnet20", "vgg_cifar10_quarter")


def expected() -> dict[str, np.ndarray]:
    """Pixels for networks of the zoo, and what the reference answers."""
    arrays = {}
    generator = np.random.default_rng(0)
    for name in NETWORKS:
        model = PackedModel.load(zoo.read(name))
        shape = (3, *model.preprocessing.size, model.preprocessing.channels)
        arrays[f"{name}/pixels"] = generator.integers(0, 256, shape, np.uint8)
        arrays[f"{name}/scores"] = reference.scores(model, arrays[f"{name}/pixels"])
    return arrays


def predict_for_ever(runner: engine.Engine, pixels: np.ndarray) -> None:
    """What a daemon thread does."""
    while True:
        runner(pixels)


def main() -> None:
    """Compare, and print one line."""
    arrays = dict(np.load(sys.argv[1])) if len(sys.argv) > 1 else expected()
    # A compiler whose runtime cannot tell processors apart would leave the slow kernels alone.
    wanted = sys.argv[2].split(",") if len(sys.argv) > 2 else engine.available_isas()
    assert engine.available_isas() == wanted, (engine.available_isas(), wanted)
    for network in NETWORKS:
        model, pixels = PackedModel.load(zoo.read(network)), arrays[f"{network}/pixels"]
        first = engine.Engine(model, 1, "scalar")(pixels)
        np.testing.assert_allclose(first, arrays[f"{network}/scores"], rtol=1e-6, atol=1e-6)
        for isa in engine.available_isas():
            for threads in (1, 2):
                scores = engine.Engine(model, threads, isa)(pixels)
                np.testing.assert_array_equal(scores, first, strict=True)
    try:  # What the engine throws must come through as Python's own exception.
        engine._engine.run_limit("no such set", 1)
    except IndexError:
        pass
    else:
        raise AssertionError("a C++ exception was lost")
    for name in ("torch", "lightning"):
        assert name not in sys.modules, name
    assert signbit.__version__ == version("signbit")
    runner = zoo.load("digits_binary", threads=2)
    pixels = arrays["digits_binary/pixels"]
    for _ in range(4):
        threading.Thread(target=predict_for_ever, args=(runner, pixels), daemon=True).start()
    time.sleep(0.1)  # the end finds them at work, where an unwinder too many would crash
    where = f"Python {sys.version.split()[0]}, {'-'.join(engine.available_isas())}"
    print(f"{where}: {len(NETWORKS)} networks as the reference, in {signbit.__file__}")


if __name__ == "__main__":
    main()
