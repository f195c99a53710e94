"""What the examples share: the training loop, and the checks of a packed network."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from signbit.export import export, make_request
from signbit.format import PackedModel
from signbit.layers import clip_latent_weights
from signbit.runtime.engine import Engine


def options(
    name: str, epochs: int, arguments: list[str] | None, samples: int | None = None
) -> argparse.Namespace:
    """The options of an example: where to write, how long to train, on how much made data."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--out", type=Path, default=Path(f"example-{name}"), metavar="DIR")
    parser.add_argument("--epochs", type=int, default=epochs)
    if samples is not None:
        parser.add_argument("--samples", type=int, default=samples, help="to train on")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    return chosen


def train(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    epochs: int,
    batch_size: int = 64,
    lr: float = 0.01,
) -> nn.Module:
    """A plain loop of PyTorch. The one line that binary weights add clips the latent weights."""
    optimizer = torch.optim.Adam(network.parameters(), lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(epochs, 1))
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(batch_size):
            optimizer.zero_grad()
            loss(network(inputs[batch]), targets[batch]).backward()
            optimizer.step()
            clip_latent_weights(network)
        schedule.step()
    return network.eval()


def check(
    packed: PackedModel, network: nn.Module, samples: np.ndarray, inputs: Tensor
) -> np.ndarray:
    """The engine's answers for held-out samples, after they were compared with those of torch."""
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
        print("no C compiler, cc, is here; the C was not tested")
        return path
    with tempfile.TemporaryDirectory() as build:  # the export folder holds nothing else
        program = Path(build) / f"{name}_test"
        command = [compiler, "-std=c99", "-O2", f"{name}_test.c", "-o", str(program), "-lm"]
        subprocess.run(command, cwd=folder, check=True)
        done = subprocess.run([str(program)], check=True, capture_output=True, text=True)
    print(f"C: {done.stdout.splitlines()[-1]}")
    return path
