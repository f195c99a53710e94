"""Every quantizer's output and pseudo-gradient as a picture, taken from autograd."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from signbit.errors import MissingDependencyError
from signbit.plots._save import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from signbit.quantizers import AbstractQuantizer

Curve = NDArray[np.float32]

# The number of points is even, so that none falls on 0. There the step would get a slanted edge.
POINTS = 2000
LIMIT = 2.0
# The mean of 20,000 signs is within 0.02 of its limit, less than the line is thick.
DRAWS = 20_000
MEANS = 81
COLUMNS = 7
# Moments of the training, for gradients that change during it; later ones are drawn darker.
PROGRESS = {"start": 0.0, "middle": 0.5, "end": 1.0}
_OUTPUT, _GRADIENT, _GREY = "#1f5fa8", "#c2410c", "#9aa3ad"


def draw_quantizers(path: Path | str) -> None:
    """Draw a column for each registered quantizer as a PNG: y above, dy/dx below.

    For a quantizer with random output, the picture shows the mean and a few draws. For one whose
    gradient changes during the training, it shows the gradient at the start, in the middle and at
    the end. A quantizer that needs a mean gets all numbers of the axis as one output channel.

    Raises: OutputError, MissingDependencyError.
    """
    with _packages():
        from signbit.quantizers import create, quantizers

        made = {name: create(name) for name in quantizers.names()}
        bands = -(-len(made) // COLUMNS)
        width = min(len(made), COLUMNS)
        figure = _figure(2.3 * width + 0.3, 4.4 * bands)
    grid = figure.subplots(2 * bands, width, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    for index, (name, quantizer) in enumerate(made.items()):
        band, column = divmod(index, COLUMNS)
        above, below = grid[2 * band : 2 * band + 2, column]
        above.set_title(name, fontsize=11, family="monospace")
        _draw(above, below, quantizer)
    save(figure, path)


def draw_quantizer(quantizer: "AbstractQuantizer", path: Path | str) -> None:
    """Draw one quantizer as a PNG: y on the left, dy/dx on the right.

    Raises: OutputError, MissingDependencyError.
    """
    with _packages():
        figure = _figure(5.4, 2.2)
    left, right = figure.subplots(1, 2)
    _draw(left, right, quantizer)
    left.set_xlabel("x", fontsize=9)
    save(figure, path)


@contextmanager
def _packages() -> Iterator[None]:
    """Raises: MissingDependencyError where matplotlib or torch is missing."""
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        raise MissingDependencyError(
            f"pictures need {package}; install it with: pip install 'signbit[train]'"
        ) from error


def _figure(width: float, height: float) -> "Figure":
    """An empty figure of that size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def sample(quantizer: "AbstractQuantizer") -> tuple[Curve, Curve, Curve]:
    """x, y and dy/dx at POINTS places from -LIMIT to LIMIT; a random y is drawn once."""
    import torch

    with _own_randomness():
        x = torch.linspace(-LIMIT, LIMIT, POINTS, requires_grad=True)
        y = quantizer(x)
        (gradient,) = torch.autograd.grad(y.sum(), x)
    return x.detach().numpy(), y.detach().numpy(), gradient.numpy()


def sample_mean(quantizer: "AbstractQuantizer") -> tuple[Curve, Curve] | None:
    """x and the mean of y over DRAWS draws, at MEANS places; None where y is not random."""
    import torch

    with _own_randomness(), torch.no_grad():
        x = torch.linspace(-LIMIT, LIMIT, MEANS)
        draws = quantizer(x.expand(DRAWS, MEANS))
        if (draws == draws[0]).all():
            return None
        return x.numpy(), draws.mean(dim=0).numpy()


def sample_gradients(quantizer: "AbstractQuantizer") -> dict[str, Curve]:
    """dy/dx for each name in PROGRESS; only for "start" where all are the same.

    The quantizer is left at the start of the training.
    """
    from signbit.quantizers import set_progress

    curves: dict[str, Curve] = {}
    for name, progress in PROGRESS.items():
        set_progress(quantizer, progress)
        curves[name] = sample(quantizer)[2]
    set_progress(quantizer, 0.0)
    first = curves["start"]
    changes = any(not np.array_equal(curve, first) for curve in curves.values())
    return curves if changes else {"start": first}


@contextmanager
def _own_randomness() -> Iterator[None]:
    # A picture must not change the numbers that the caller's generator gives next.
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _draw(above, below, quantizer: "AbstractQuantizer") -> None:
    """y in the one place, dy/dx in the other."""
    x, y, _ = sample(quantizer)
    gradients = sample_gradients(quantizer)
    mean = sample_mean(quantizer)
    if mean is None:
        above.plot(x, y, color=_OUTPUT, linewidth=2)
    else:
        dots = slice(None, None, POINTS // 100)
        above.plot(x[dots], y[dots], ".", color=_GREY, markersize=4, label="draws")
        above.plot(*mean, color=_OUTPUT, linewidth=2, label="mean")
        above.legend(fontsize=8, loc=(0.55, 0.12), frameon=False, handlelength=1.2)
    for index, (label, gradient) in enumerate(gradients.items(), 1):
        shade = index / len(gradients)
        below.fill_between(x, gradient, color=_GRADIENT, alpha=0.12 * shade, linewidth=0)
        below.plot(x, gradient, color=_GRADIENT, linewidth=2, alpha=shade, label=label)
    if len(gradients) > 1:
        below.legend(fontsize=8, loc="upper right", frameon=False, handlelength=1.0)
    _dress(above, "y", 1.25 if quantizer.binary else LIMIT)
    _dress(below, "dy/dx", None)
    below.set_xlabel("x", fontsize=9)


def _dress(axes, label: str, limit: float | None) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_visible(True)
    axes.set_ylabel(label, fontsize=9)
    axes.set_xlim(-LIMIT, LIMIT)
    axes.set_xticks(range(-2, 3))
    if limit is None:
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, -0.15), max(high, 1.25))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        axes.set_ylim(-limit, limit)
        axes.set_yticks(range(-int(limit), int(limit) + 1))
    axes.axhline(0, color=_GREY, linewidth=0.8, zorder=0)
    axes.axvline(0, color=_GREY, linewidth=0.8, zorder=0)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
