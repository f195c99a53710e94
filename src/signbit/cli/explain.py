"""Show how XNOR and popcount replace multiply and add, on given or random bits."""

import random
from pathlib import Path
from typing import Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._explain_text import sections
from signbit.cli._explanation import Explanation, random_bits
from signbit.cli._options import Json
from signbit.cli._output import say, write_json
from signbit.errors import UsageError

DEFAULT_LENGTH = 8

A = Annotated[
    str | None, typer.Option("--a", metavar="BITS", help="Bits of the activations, such as 10110.")
]
W = Annotated[
    str | None,
    typer.Option("--w", metavar="BITS", help="Bits of the weights, as many as --a has."),
]
Length = Annotated[
    int | None,
    typer.Option(metavar="N", help=f"Number of random bits.  [default: {DEFAULT_LENGTH}]"),
]
Seed = Annotated[int | None, typer.Option(metavar="S", min=0, help="Seed of the random bits.")]
Pictures = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Also draw every quantizer and its gradient, as DIR/quantizers.png."
    ),
]


@commands.register("explain")
@examples(
    "signbit explain --a 10110 --w 01110",
    "signbit explain --length 64 --seed 1",
)
def explain(
    a: A = None,
    w: W = None,
    length: Length = None,
    seed: Seed = None,
    pictures: Pictures = None,
    json_file: Json = None,
) -> None:
    """Show how XNOR and popcount replace multiply and add.

    The command computes one dot product of signs step by step, in four ways: with multiply and
    add, with XNOR, with XOR, and on packed 64-bit words. The signs are those of --a and --w, or
    random.
    """
    explanation = Explanation(*_operands(a, w, length, seed))
    if pictures is not None:
        from signbit.plots.quantizers import draw_quantizers

        draw_quantizers(pictures / "quantizers.png")
    for number, (heading, lines) in enumerate(sections(explanation)):
        # The heading is bold on a terminal. Elsewhere echo removes the codes for bold.
        typer.secho(f"{chr(10) if number else ''}{heading}", bold=True)
        say(*lines)
    write_json(json_file, explanation.to_dict())
    if pictures is not None:
        say(f"drawn: {pictures / 'quantizers.png'}", err=True)


def _operands(
    a: str | None, w: str | None, length: int | None, seed: int | None
) -> tuple[str, str]:
    """The two texts of bits. Raises: UsageError where the options exclude each other."""
    if (a is None) != (w is None):
        given, missing = ("--w", "--a") if a is None else ("--a", "--w")
        raise UsageError(
            f"{given} is given without {missing}; give both, or leave both out for random bits"
        )
    if a is not None and w is not None:
        if length is not None or seed is not None:
            raise UsageError(
                "--length and --seed are for random bits; leave them out, or leave out --a and --w"
            )
        return a, w
    length = DEFAULT_LENGTH if length is None else length
    chosen = random.randrange(1 << 32) if seed is None else seed
    drawn = random_bits(length, chosen)
    if seed is None:
        say(
            f"random bits; to get the same bits again, give --length {length} --seed {chosen}",
            err=True,
        )
    return drawn
