"""Random networks, the same for the same seed.

Each is a stem, a number of random operations (binary and real layers, norms, activations, signs,
pools, moves, arithmetic in place, shortcuts, layers called again), and a head.

    python -m tests.pack.corpus.generator SEED             the network, and what became of it
    python -m tests.pack.corpus.generator SEED --seconds 60    all from SEED on, failures alone
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from signbit.format import Preprocessing
from tests.pack.corpus._case import GREY, IMAGENET, RGB, Case
from tests.pack.corpus._draw import Again, Draw
from tests.pack.corpus._judge import judge
from tests.pack.corpus._truth import Truth, truth

MOST_CHANNELS, MOST_SIDE = 64, 24
# Of a value's numbers, the share that must differ between images.
LEAST_VARIED = 0.3
IMAGES = (
    RGB,
    GREY,
    IMAGENET,
    Preprocessing([1 / 128] * 2, [-1.0] * 2, (7, 10)),
    Preprocessing([1 / 255], [0.0], (9, 9)),
    Preprocessing([1 / 128] * 3, [-1.0] * 3, (1, 16)),
)


class RandomNetwork(nn.Module):
    """Steps one after the other; every value is kept for those that read an earlier one."""

    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList()

    def values(self, x: Tensor) -> list[Tensor]:
        """What every step leaves; in-place operations change it later."""
        values = [x]
        for step in self.steps:
            earlier = getattr(step, "earlier", None)
            values.append(
                step(values[-1]) if earlier is None else step(values[-1], values[earlier])
            )
        return values

    def forward(self, x: Tensor) -> Tensor:
        return self.values(x)[-1]


def build(seed: int, images: Preprocessing) -> RandomNetwork:
    """The network of a seed; each step was run by torch, and is left out where it cannot be."""
    draw, network = Draw(np.random.default_rng(seed)), RandomNetwork()
    example = torch.rand(8, images.channels, *images.size) * 2 - 1
    while not network.steps:
        _append(network, draw.conv(example.shape), example)
    for _ in range(int(draw.rng.integers(2, 9))):
        kind = draw.one(*["block"] * 3, "conv", "activation", "arithmetic", "pool", "move")
        kind = draw.one(kind, kind, kind, kind, "join", "again")
        middle = draw.one(None, "activation", "arithmetic", "move", "pool")
        block = "norm", middle, "sign", "conv"
        for name in block if kind == "block" else (kind,):
            if name is not None:
                _append(network, _step(draw, name, network, example), example)
    for step in draw.head(network.values(example.clone())[-1]):
        network.steps.append(step)
    return network


def _step(draw: Draw, name: str, network: RandomNetwork, example: Tensor) -> nn.Module:
    if name == "again":
        return draw.again([step for step in network.steps if isinstance(step, nn.Conv2d | Again)])
    values = network.values(example.clone())
    return getattr(draw, name)(len(values) if name == "join" else values[-1].shape)


def _append(network: RandomNetwork, step: nn.Module, example: Tensor) -> None:
    """Keep the step where torch runs it, and leaves a map of a fit size that tells images apart."""
    network.steps.append(step)
    try:
        value = network.values(example.clone())[-1].detach()
    except (RuntimeError, ValueError, IndexError):
        del network.steps[-1]
        return
    fits = value.ndim == 4 and 2 <= value.shape[1] <= MOST_CHANNELS
    fits = fits and all(1 <= side <= MOST_SIDE for side in value.shape[2:])
    if not fits or not float((value.std(0) > 1e-3).float().mean()) > LEAST_VARIED:
        del network.steps[-1]


def random_case(seed: int) -> Case:
    """The network of a seed, to be packed right or refused."""
    images = IMAGES[seed % len(IMAGES)]
    make: Callable[[], nn.Module] = lambda: build(seed, images)
    return Case(f"seed {seed}", make, images, False, None, "", lambda model: model, True)


def has_evidence(found: Truth) -> bool:
    """Whether the scores can tell a right network from a wrong one: finite, varied, steady."""
    if not np.isfinite(found.scores).all():
        return False
    varied = len(np.unique(found.scores[found.steady].round(6), axis=0))
    return found.largest < 1e6 and varied >= 6


def main() -> int:
    """Judge the network of a seed, or as many as the time allows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("seed", type=int)
    parser.add_argument("--seconds", type=float, default=0.0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    if not options.seconds:
        print(random_case(options.seed).model(), random_case(options.seed).images)
    end, seed = time.monotonic() + options.seconds, options.seed
    while seed == options.seed or time.monotonic() < end:
        case = random_case(seed)
        evidence = has_evidence(truth(case, case.model()))
        verdict = judge(case)
        kind = verdict.kind if evidence else f"{verdict.kind}, no evidence"
        counts[kind] += 1
        if not verdict.expected or not options.seconds:
            print(f"seed {seed}: {kind}: {verdict.detail[:150]}")
        seed += 1
    print(dict(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
