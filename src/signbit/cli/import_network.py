"""Make a packed network from the files of another tool."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._options import Json
from signbit.cli._output import refuse_options, require_suffix, write_json
from signbit.cli._own_code import preprocessing_of
from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.format import Preprocessing


@commands.register("import")
@examples(
    "signbit import network.tflite -o network.signbit",
    "signbit import mnist-lfcW1A1 --layers lfc -o lfc.signbit",
)
def import_network(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A .tflite file of Larq Compute Engine; an .onnx file of QONNX, FINN or signbit; "
            "or a folder of parameters of BNN-PYNQ, with 0-0-weights.bin and so on.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.signbit", help="File to write.")
    ],
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="HxW",
            help="For .tflite and .onnx: the input is an image with this height and width in "
            "pixels.  [default: real numbers]",
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            "--mean",
            metavar="M,...",
            help="With --size: one mean per channel. The network's input is (pixel / 255 - mean) / "
            "std.",
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            "--std", metavar="S,...", help="With --size: one standard deviation per channel."
        ),
    ] = None,
    crop: Annotated[
        float | None,
        typer.Option(
            "--crop",
            metavar="SHARE",
            help="With --size: resize an image file until it covers the size divided by SHARE, "
            "then cut out its centre.  [default: resize the whole image]",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="A,B,...|FILE.txt|D",
            help="With --size: the names of the classes, in the order of the scores: a list, a "
            "file with one name on each line, or a data set whose names are used.",
        ),
    ] = None,
    signature: Annotated[
        Path | None,
        typer.Option(
            "--signature",
            metavar="FILE.yaml",
            help="For .tflite and .onnx: a file that describes inputs and outputs, in the order of "
            "the network (docs/packing.md). It replaces --size.",
        ),
    ] = None,
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
    nothing is written. docs/import.md describes what is read. The table shows what each operator
    became, as in `signbit pack`.
    """
    from signbit.format.file import SUFFIX

    require_suffix("--out", out, SUFFIX)
    of_pixels = {"--size": size, "--mean": mean, "--std": std}
    given: dict[str, Any] = {"layers": layers}
    if signature is not None:
        others = {**of_pixels, "--crop": crop, "--classes": classes}
        refuse_options(path, others, "described by --signature")
        from signbit.cli._signature import read_signature

        given["inputs"], given["outputs"] = read_signature(signature)
    elif any(one is not None for one in (*of_pixels.values(), crop, classes)):
        given["preprocessing"] = _preprocessing(of_pixels, crop, classes)
    from signbit.cli._pack_report import print_report
    from signbit.importers import read

    packed = read(path, **given)
    packed.save(out)
    print_report(packed, out)
    write_json(json, {"file": str(out), "bytes": out.stat().st_size, **packed.info})


def _preprocessing(
    of_pixels: dict[str, str | None], crop: float | None, classes: str | None
) -> "Preprocessing":
    """The preprocessing that the options describe. Raises: UsageError where one is missing."""
    missing = [name for name, value in of_pixels.items() if value is None]
    if missing:
        raise UsageError(f"an input of pixels needs {', '.join(of_pixels)}; add {missing[0]}")
    from dataclasses import replace

    from signbit.cli._classes import names_given

    size, mean, std = map(str, of_pixels.values())
    names = () if classes is None else names_given(classes)
    return replace(preprocessing_of(size, mean, std, crop), classes=names)
