"""The seconds that an epoch of training takes, and the shares of convolutions and of the peak.

    python bench/train_speed.py [--model vgg_cifar10_binary] [--set model.inflation=0.25]
        [--recipe best] [--device cuda] [--precision bfloat16] [--compile reduce-overhead]
        [--images 50000] [--epochs 3] [--batch-size 128] [--threads 1] [--peak 989e12] [--json FILE]

It trains on random pixels of the model's input shape (--set model.input_size=[224,224] for another
shape), with the code of `signbit train`, and holds nothing out. The fastest epoch counts; the first
one compiles and warms up. A training step counts as three forward passes, and a multiply-add as two
operations. Without --peak, the peak is the measured speed of one large matrix product in the
precision of the run. On a GPU, float32 is measured in TF32, as torch's convolutions use it. The
teacher of a recipe is left out, because random images have none.

On a CPU, it also prints the images per second of CPU time, from the median step. Other work on the
machine disturbs this figure less; with several threads, it counts the time of all of them. A short
second run under torch's profiler gives the share of a step that torch's convolutions take, forward
and backward. Everything else includes the data, the optimizer and Python.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from signbit.cli._options import parse_settings
from signbit.data import ImageSet, Request, datasets
from signbit.machine import processor
from signbit.models import Architecture, blueprint, option, summarize
from signbit.train import Run, load_recipe, read_metrics, train

CLASSES = 10
PASSES = 3  # forward, and backward to the inputs and to the weights
CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")
PROFILED_STEPS = 12


def main() -> None:
    """Train and print."""
    options = _options()
    if options.threads:
        torch.set_num_threads(options.threads)
    given = parse_settings(options.set)
    shape = image_shape(options.model, given.get("model", {}))
    register_random_images("random", options.images, shape)
    register_random_images("few", PROFILED_STEPS * options.batch_size, shape)
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
        with cpu_seconds_of_steps() as steps:
            train(run)
        total = time.perf_counter() - start
        speeds = [row["images_per_second"] for row in read_metrics(run.folder)]
        share = convolution_share(run) if options.device == "cpu" else None
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
        "images_per_cpu_second": min(options.batch_size, options.images) / median(steps),
        "share_of_convolutions": share,
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


def register_random_images(name: str, count: int, shape: tuple[int, int, int]) -> None:
    """Register a data set of pixels and labels that no network can learn."""

    @datasets.register(name)
    def random(request: Request) -> ImageSet:
        numbers = np.random.default_rng(0)
        return ImageSet(
            name=request.name,
            split=request.split,
            images=numbers.integers(0, 256, (count, *shape), dtype=np.uint8),
            labels=numbers.integers(0, CLASSES, count),
            classes=tuple(map(str, range(CLASSES))),
        )


@contextmanager
def cpu_seconds_of_steps() -> Iterator[list[float]]:
    """A list that is filled with the CPU seconds from one optimizer step to the next."""
    ends: list[tuple[object, float]] = []
    seconds: list[float] = []

    def note(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        # A second optimizer, that of latent weights, belongs to the same training step.
        if not ends or optimizer is ends[0][0]:
            ends.append((optimizer, time.process_time()))

    hook = register_optimizer_step_post_hook(note)
    try:
        yield seconds
    finally:
        hook.remove()
    seconds += [after - before for (_, before), (_, after) in pairwise(ends)]


def convolution_share(run: Run) -> float:
    """The share of training steps that torch's convolutions take, in a run of a few steps.

    The steps are those between the first and the last call of an optimizer, so that the start of
    the run does not count.
    """
    recipe = run.recipe.model_copy(update={"epochs": 1})
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        train(replace(run, recipe=recipe, data="few", folder=run.folder.with_name("profiled")))
    events = profile.events() or []
    steps = [one.time_range.start for one in events if one.name.startswith("Optimizer.step")]
    first, last = min(steps), max(steps)
    inside = [one for one in events if first <= one.time_range.start < last]
    spent = sum(one.cpu_time_total for one in inside if one.name in CONVOLUTIONS)
    return spent / (last - first)


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
    if result["share_of_convolutions"] is not None:
        share = result["share_of_convolutions"]
        print(f"{result['images_per_cpu_second']:,.0f} images per second of CPU time")
        print(f"{share:.1%} of a step is torch's convolutions, {1 - share:.1%} is everything else")
    print(
        f"{result['operations_per_second'] / 1e12:.3g} of {result['peak'] / 1e12:.3g} "
        f"TFLOP/s: {result['share_of_peak']:.1%} of the peak"
    )
    if path is not None:
        path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
