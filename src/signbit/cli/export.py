"""Export a network for another tool."""

import pkgutil
from collections.abc import Sized
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._model import PACKED, RunnablePath, open_model
from signbit.cli._options import ModelName, Zeros, parse_settings
from signbit.cli._output import say
from signbit.cli._samples import read_samples
from signbit.errors import InputTypeError, UsageError, printable

if TYPE_CHECKING:
    from signbit.export import ExportRequest


def _formats() -> str:
    """The formats that come with the package. Their modules are listed without being imported."""
    spec = find_spec("signbit.export")
    places = spec.submodule_search_locations if spec else None
    names = sorted(module.name for module in pkgutil.iter_modules(places))
    return ", ".join(name for name in names if not name.startswith("_"))


@commands.register("export")
@examples(
    "signbit export digits.signbit --to c -o digits-c",
    "signbit export runs/digits --to mat -o parameters",
)
def export(
    path: RunnablePath,
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help=f"One of {_formats()}.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="A new folder for the export.")
    ],
    samples: Annotated[
        list[Path] | None,
        typer.Option(
            "--samples",
            metavar="PATH",
            help="Samples for the golden vectors; a few are enough. PATH is a .npz file with an "
            "array for each input, under the name of the input. For a network whose input is one "
            "image, PATH is also an image file or a folder of them, and may be repeated.  "
            "[default: 4 samples of noise]",
        ),
    ] = None,
    single: Annotated[
        bool,
        typer.Option("--single", help="For mat, npz and txt: write all arrays into one file."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace DIR if it is an earlier export. Any other folder is refused."
        ),
    ] = False,
    model: ModelName = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="For a packed network: an option of the format. For a checkpoint that does not "
            "contain its architecture: an option of the architecture, such as "
            "model.inflation=0.25. May be repeated.",
        ),
    ] = None,
    zeros: Zeros = None,
) -> None:
    """Write a packed network for another tool, with vectors to check it against.

    MODEL is a packed .signbit file. The export contains its weights, its thresholds, and golden
    vectors: samples, the output of every layer for these samples, and the outputs of the network.
    Some formats add code that runs the network. DIR/manifest.json describes the conventions and the
    graph. DIR appears only when all files are written. If the format cannot express a layer, an
    input or an output, nothing is written, and the error names it.

    The formats that hold arrays (mat, npz, txt) also accept a trained model, which is a run folder
    or a checkpoint. They then write every entry of the state dict. They write binary weights a
    second time, as -1 and +1.
    """
    from signbit.export import exporters

    exporters.get(to)  # a wrong name is refused before the model is read
    if path.suffix != PACKED:
        _export_state(path, to, out, samples is not None or single, force, model, settings, zeros)
        return
    if model is not None or zeros is not None:
        given = "--zeros" if model is None else "--model"
        raise UsageError(f"{path} is packed, and contains its architecture; leave {given} out")
    from signbit.export import export as write

    options = parse_settings(settings or ()) | _single(to, single)
    request = _request(path, samples)
    manifest = write(request, to, out, force=force, options=options)
    say(
        f"{out}: {_count(manifest['files'], 'file')} and manifest.json; golden vectors "
        f"of {_count(range(request.golden.samples), 'sample')}"
    )


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}" + ("s" if len(things) != 1 else "")


def _single(to: str, single: bool) -> dict[str, bool]:
    """The option of the format that --single sets. Raises: UsageError where it has none."""
    from signbit.export import ArrayFormat, exporters

    if not single:
        return {}
    arrays = [name for name in exporters.names() if isinstance(exporters.get(name), ArrayFormat)]
    if to not in arrays:
        raise UsageError(f"--single is for {', '.join(arrays)}; leave it out for {to}")
    return {"single": True}


def _request(path: Path, samples: list[Path] | None) -> "ExportRequest":
    from signbit.export import make_request
    from signbit.format import PackedModel

    packed = PackedModel.load(path)
    if not samples:
        return make_request(packed, path.stem)
    given = read_samples(samples, packed.inputs, [one.name for one in packed.outputs])
    try:
        return make_request(packed, path.stem, given)
    except (InputTypeError, UsageError) as error:
        raise type(error)(f"--samples {printable(str(samples[0]))}: {error}") from error


def _export_state(
    path: Path,
    to: str,
    out: Path,
    for_packed: bool,
    force: bool,
    model: str | None,
    settings: list[str] | None,
    zeros: Zeros,
) -> None:
    from signbit.export import export_state
    from signbit.export._arrays import array_format

    array_format(to)  # a wrong format is refused before torch is imported and the model read
    if for_packed:
        raise UsageError(
            f"{path} is not packed, and --samples and --single are for packed networks; leave them "
            "out, or pack the model: signbit pack RUN -o FILE.signbit"
        )
    trained = open_model(path, model, settings, zeros=zeros)
    from signbit.models import parameters_of

    parameters = parameters_of(trained)
    manifest = export_state(parameters, to, out, force=force)
    count, binary = len(parameters.arrays), len(parameters.binary)
    say(
        f"{out}: {len(manifest['files'])} {to} files: {count} arrays, "
        f"{binary} binary weights as -1 and +1, and manifest.json"
    )
