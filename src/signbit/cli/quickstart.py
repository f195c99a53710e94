"""The main job on embedded data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._output import percent, print_table, say

if TYPE_CHECKING:
    from signbit.cli._quickstart import Quickstart

_MADE = (
    ("run", "recipe, metrics.csv, curves.png, best and last weights, checkpoint"),
    ("confusion.png", "which digits the network takes for which"),
    ("samples.png", "a page of digits with the network's answers"),
    ("images", "the test digits as PNG files, for signbit predict"),
    ("digits.signbit", "the packed network, for predict, evaluate and signbit.load"),
    ("parameters", "all parameters as text files, binary weights as -1 and +1"),
    ("c", "the packed network as C code, with a program that checks it"),
)


@commands.register("quickstart")
@examples(
    "signbit quickstart",
    "signbit quickstart --out first-look",
)
def quickstart(
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="A new folder, or the folder of an earlier quickstart."
        ),
    ] = Path("signbit-quickstart"),
) -> None:
    """Train, evaluate, classify, extract, pack, run and export on scanned digits.

    This is the whole job with a small binary network. It takes about a minute on two free cores
    and needs no internet. 1,797 images of 8x8 pixels come with the package; 360 of them are the
    test images.
    """
    from signbit.cli._quickstart import quickstart as run

    say("training a binary network on 8x8 digits ...", err=True)
    _print(run(out))


def _print(result: "Quickstart") -> None:
    figures, tally = result.evaluation.figures, result.tally
    weight_bytes = (result.bits + 7) // 8
    rows = [
        ("training", f"{result.epochs} epochs in {result.seconds:.0f} s"),
        ("evaluate", f"{percent(figures.top1)} of {figures.images} test images are right"),
        ("predict", f"{percent(tally.top1)} of {tally.images} image files are right"),
        (
            "binary weights",
            f"{result.bits:,}: {weight_bytes:,} bytes as bits, {4 * result.bits:,} as float32",
        ),
        ("other numbers", f"{result.reals:,} (biases and batch norm)"),
        ("pack", f"{result.file_bytes:,} bytes; every bit is the same as in torch"),
        ("engine", f"{percent(result.packed.figures.top1)} of the test images are right"),
        (
            "one image",
            f"{1e6 * result.engine_seconds:.0f} µs on the engine, "
            f"{1e6 * result.torch_seconds:.0f} µs in torch, one thread each",
        ),
    ]
    rows += [(str(result.folder / name), what) for name, what in _MADE]
    print_table(("step", "result"), rows, left=2)
    say(
        f"Next: signbit predict {result.folder / 'digits.signbit'} your-images/   or   "
        "signbit explain"
    )
