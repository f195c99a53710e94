"""Make a packed network from the files of another tool."""

from pathlib import Path
from typing import Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._options import Json
from signbit.cli._output import require_suffix


@commands.register("import")
@examples(
    "signbit import mnist-lfcW1A1 --layers lfc -o lfc.signbit",
    "signbit import memories --layers layers.yaml -o network.signbit",
)
def import_network(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A folder of parameters of BNN-PYNQ, with 0-0-weights.bin and so on.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.signbit", help="File to write.")
    ],
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            metavar="NAME|FILE.yaml",
            help="For BNN-PYNQ, whose files do not tell the layers: cnv, lfc, or a YAML file.",
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Read a trained network of another tool.

    The packed network computes exactly the same, or the part that cannot be expressed is named and
    nothing is written. docs/import.md describes what is read.
    """
    from signbit.cli._packed_summary import summarize_packed
    from signbit.format.file import SUFFIX
    from signbit.importers import read

    require_suffix("--out", out, SUFFIX)
    read(path, layers).save(out)
    summarize_packed(out, json)
