"""Export a network for another tool."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._model import PACKED, RunnablePath, open_model, read_images
from signbit.cli._options import ModelName, Settings, parse_settings
from signbit.cli._output import show_path
from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.export import Handover


@commands.register("export")
def export(
    path: RunnablePath,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="FORMAT", help="c, mat, npz, onnx, qonnx, torch, txt or verilog."
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder to write, a new one.")
    ],
    samples: Annotated[
        list[Path] | None,
        typer.Option(
            "--samples",
            metavar="PATH",
            help="Images for the golden vectors; may be repeated.  [default: random pixels]",
        ),
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="mat, npz, txt: one file for all arrays.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace an earlier export; other folders are left alone."),
    ] = False,
    model: ModelName = None,
    settings: Settings = None,
) -> None:
    """Write a packed network for another tool, with vectors to check it against.

    Parameters, thresholds and golden vectors (images, every layer's bits, scores) come in the
    format's own way; DIR/manifest.json states the conventions. Of a trained model, a run folder
    or checkpoint, mat, npz and txt write every entry of the state dict, and the weights that it
    uses as bits once more as -1 and +1.
    """
    from signbit.export import exporters

    exporters.get(to)  # a wrong name is told before the model is read
    if path.suffix != PACKED:
        if samples or single:
            raise UsageError(
                "--samples and --single are for packed networks: signbit pack RUN -o FILE.signbit"
            )
        _export_state(path, to, out, force, model, settings)
        return
    if model is not None:
        raise UsageError(f"{show_path(path)} says its own architecture; leave --model out")
    from signbit.export import export as write

    options = parse_settings(settings or ()) | ({"single": True} if single else {})
    handed = _handover(path, samples)
    manifest = write(handed, to, out, force=force, options=options)
    typer.echo(
        f"{show_path(out)}: {len(manifest['files'])} files and manifest.json; golden vectors of "
        f"{len(handed.golden.pixels)} images"
    )


def _handover(path: Path, samples: list[Path] | None) -> "Handover":
    from signbit.export import handover
    from signbit.format import PackedModel

    packed = PackedModel.load(path)
    images = read_images(samples, packed.preprocessing) if samples else None
    return handover(packed, path.stem, images)


def _export_state(
    path: Path, to: str, out: Path, force: bool, model: str | None, settings: list[str] | None
) -> None:
    from signbit.export import export_state

    trained = open_model(path, model, settings)
    from signbit.models import parameters_of

    parameters = parameters_of(trained)
    manifest = export_state(parameters, to, out, force=force)
    count, binary = len(parameters.arrays), len(parameters.binary)
    typer.echo(
        f"{show_path(out)}: {len(manifest['files'])} {to} files: {count} arrays, "
        f"{binary} binary weights as -1 and +1, and manifest.json"
    )
