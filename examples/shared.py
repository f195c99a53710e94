"""Shared code of the examples: how they train, and the checks of a packed network."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import signbit.train
from signbit.export import export, make_request
from signbit.format import PackedModel
from signbit.runtime.engine import Engine
from signbit.train import load_recipe


def options(
    name: str, epochs: int, arguments: list[str] | None, samples: int | None = None
) -> argparse.Namespace:
    """The options of an example: the folder, the epochs, and the number of made samples."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--out", type=Path, default=Path(f"example-{name}"), metavar="DIR")
    parser.add_argument("--epochs", type=int, default=epochs)
    if samples is not None:
        parser.add_argument("--samples", type=int, default=samples, help="samples to train on")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    return chosen


def train(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: str,
    chosen: argparse.Namespace,
    batch_size: int = 64,
    lr: float = 0.01,
) -> nn.Module:
    """Train in a folder. A run that is already there goes on where it stopped."""
    folder = chosen.out / "training"
    changes = {"epochs": chosen.epochs, "batch_size": batch_size, "val_size": 0}
    recipe = load_recipe("plain", changes | {"optimizer": {"name": "adam", "lr": lr}})
    data, resume = (inputs, targets), folder.exists()
    signbit.train.train(network, data, recipe=recipe, loss=loss, out=folder, resume=resume)
    return network


def check(
    packed: PackedModel, network: nn.Module, samples: np.ndarray, inputs: Tensor
) -> np.ndarray:
    """Compare the engine with torch on held-out samples; returns the engine's answers."""
    found = Engine(packed).scores(samples)
    with torch.inference_mode():
        wanted = np.moveaxis(network(inputs).numpy(), 1, -1)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    print(f"engine and torch differ by {np.abs(found - wanted).max():.1e} at most")
    return found


def save_and_export(packed: PackedModel, out: Path, name: str, samples: np.ndarray) -> Path:
    """Save the network, export it as C, and run the test program of the C."""
    path = out / f"{name}.signbit"
    packed.save(path)
    print(f"{path}: {path.stat().st_size:,} bytes")
    folder = out / "c"
    export(make_request(packed, name, samples), "c", folder, force=True)
    compiler = shutil.which("cc")
    if compiler is None:
        print("there is no C compiler (cc) here, so the C was not tested")
        return path
    with tempfile.TemporaryDirectory() as build:  # keep the export folder free of other files
        program = Path(build) / f"{name}_test"
        command = [compiler, "-std=c99", "-O2", f"{name}_test.c", "-o", str(program), "-lm"]
        subprocess.run(command, cwd=folder, check=True)
        done = subprocess.run([str(program)], check=True, capture_output=True, text=True)
    print(f"C: {done.stdout.splitlines()[-1]}")
    return path
