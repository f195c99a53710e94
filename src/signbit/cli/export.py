"""Export a trained model's parameters."""

from pathlib import Path
from typing import Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._model import ModelPath, open_model
from signbit.cli._options import ModelName, Settings
from signbit.cli._output import show_path


@commands.register("export")
def export(
    path: ModelPath,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="Such as mat, for MATLAB and GNU Octave, or txt, plain numbers.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder to write, a new one.")
    ],
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace an earlier export; other folders are left alone."),
    ] = False,
    model: ModelName = None,
    settings: Settings = None,
) -> None:
    """Write every parameter of a trained model for other tools.

    Each entry of the state dict becomes a file; the weights that the network uses as bits come
    once more as -1 and +1, <key>.binary.<ext>. DIR/manifest.json says which file holds which
    key, its shape, and the conventions: the sign of zero, the order of axes, preprocessing.
    """
    from signbit.export import export as write
    from signbit.export import exporters

    exporters.get(to)  # a wrong name is told before the model is read
    trained = open_model(path, model, settings)
    from signbit.models import parameters_of

    parameters = parameters_of(trained)
    manifest = write(parameters, to, out, force=force)
    count, binary = len(parameters.arrays), len(parameters.binary)
    typer.echo(
        f"{show_path(out)}: {len(manifest['files'])} {to} files: {count} arrays, "
        f"{binary} binary weights as -1 and +1, and manifest.json"
    )
