"""The seconds that an epoch of training takes, and the share of the chip's peak that it uses.

    python bench/train_speed.py [--model vgg_cifar10_binary] [--set model.inflation=0.25]
        [--recipe best] [--device cuda] [--precision bfloat16] [--compile reduce-overhead]
        [--images 50000] [--epochs 3] [--batch-size 128] [--threads 1] [--peak 989e12] [--json FILE]

It trains on random pixels of the model's input shape (--set model.input_size=[224,224] for another
shape), with the code of `signbit train`, and holds nothing out. The fastest epoch counts; the first
one compiles and warms up. A training step counts as three forward passes, and a multiply-add as two
operations. Without --peak, the peak is the measured speed of one large matrix product in the
precision of the run. On a GPU, float32 is measured in TF32, as torch's convolutions use it. The
teacher of a recipe is left out, because random images have none.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from signbit.cli._options import parse_settings
from signbit.data import ImageSet, Request, datasets
from signbit.machine import processor
from signbit.models import Architecture, blueprint, option, summarize
from signbit.train import Run, load_recipe, read_metrics, train

CLASSES = 10
PASSES = 3  # forward, and backward to the inputs and to the weights


def main() -> None:
    """Train and print."""
    options = _options()
    if options.threads:
        torch.set_num_threads(options.threads)
    given = parse_settings(options.set)
    shape = image_shape(options.model, given.get("model", {}))
    register_random_images(options.images, shape)
    settings = given | {
        "distillation": None,
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "precision": options.precision,
        "compile": {"": False, "default": True}.get(options.compile, options.compile),
        "val_size": 0.0,
        "evaluate_every": options.epochs,
    }
    recipe = load_recipe(options.recipe, settings)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(recipe, options.model, "random", Path(folder) / "run", device=options.device)
        start = time.perf_counter()
        train(run)
        total = time.perf_counter() - start
        speeds = [row["images_per_second"] for row in read_metrics(run.folder)]
    height, width, channels = shape
    decided = {"num_classes": CLASSES, "in_channels": channels, "input_size": (height, width)}
    architecture = Architecture(options.model, decided | recipe.model)
    totals = summarize(blueprint(architecture), (channels, height, width)).totals
    macs = totals["binary_macs"] + totals["real_macs"]
    peak = options.peak or measured_peak(options.device, options.precision)
    used = 2 * PASSES * macs * max(speeds)
    result = {
        "device": torch.cuda.get_device_name() if options.device == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "images_per_second": max(speeds),
        "seconds_per_epoch_of_50000": 50000 / max(speeds),
        "macs_per_image": macs,
        "operations_per_second": used,
        "peak": peak,
        "share_of_peak": used / peak,
        "total_seconds": total,
        "epochs": options.epochs,
    }
    _report(result, options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="vgg_cifar10_binary")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--recipe", default="best")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument(
        "--compile", choices=("", "default", "reduce-overhead", "max-autotune"), default=""
    )
    parser.add_argument("--images", type=int, default=50000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--peak", type=float, help="operations a second, such as 989e12")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def image_shape(model: str, options: dict[str, Any]) -> tuple[int, int, int]:
    """Height, width and channels of the model's input, from the options or its defaults."""
    architecture = Architecture(model, options)
    height, width = option(architecture, "input_size", (32, 32))
    return height, width, option(architecture, "in_channels", 3)


def register_random_images(count: int, shape: tuple[int, int, int]) -> None:
    """Register the data set `random`: pixels and labels that no network can learn."""

    @datasets.register("random")
    def random(request: Request) -> ImageSet:
        numbers = np.random.default_rng(0)
        return ImageSet(
            name=request.name,
            split=request.split,
            images=numbers.integers(0, 256, (count, *shape), dtype=np.uint8),
            labels=numbers.integers(0, CLASSES, count),
            classes=tuple(map(str, range(CLASSES))),
        )


def measured_peak(device: str, precision: str) -> float:
    """Operations per second of a large matrix product: the fastest of ten runs."""
    torch.backends.cuda.matmul.allow_tf32 = True
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    size = 8192 if device == "cuda" else 1024
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        _wait(device)
        start = time.perf_counter()
        left @ right
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _report(result: dict[str, Any], path: Path | None) -> None:
    print(f"{result['device']}, {result['threads']} threads, {sys.version.split()[0]}")
    print(f"{result['images_per_second']:,.0f} images/s")
    print(f"{result['seconds_per_epoch_of_50000']:.2f} s an epoch of 50,000 images")
    print(
        f"{result['operations_per_second'] / 1e12:.3g} of {result['peak'] / 1e12:.3g} "
        f"TFLOP/s: {result['share_of_peak']:.1%} of the peak"
    )
    if path is not None:
        path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
