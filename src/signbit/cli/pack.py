"""Fold and pack a trained network."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signbit.cli._app import commands
from signbit.cli._classes import Classes, choose_classes
from signbit.cli._model import ModelPath, open_model, read_images
from signbit.cli._options import Json, ModelName, Settings, Zeros
from signbit.cli._output import print_table, require_suffix, say, write_json

if TYPE_CHECKING:
    from signbit.format import PackedModel


@commands.register("pack")
def pack(
    path: ModelPath,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.signbit", help="File to write.")
    ],
    samples: Annotated[
        list[Path] | None,
        typer.Option(
            "--samples", metavar="PATH", help="Images for the self-check; may be repeated."
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check/--no-check", help="Compare with torch, and refuse what differs."),
    ] = True,
    model: ModelName = None,
    settings: Settings = None,
    classes: Classes = None,
    zeros: Zeros = None,
    json: Json = None,
) -> None:
    """Fold and pack a trained network into bits and thresholds.

    Batch norm, bias and sign become one integer threshold per channel, found by asking the
    trained modules themselves. The table says what each module became, and why where it stays
    real, with its bits before and after. The self-check runs torch and the packed network on
    random images and on --samples; a network of integers must give the very bits of torch. The
    file has the names of the classes: those of the model, or of --classes in their place.
    """
    from signbit.format.file import SUFFIX

    require_suffix("--out", out, SUFFIX)
    trained = open_model(path, model, settings, zeros=zeros)
    from signbit.pack import pack as run

    names = choose_classes(trained, classes, [trained.source.parent])
    preprocessing = replace(trained.preprocessing, classes=names or ())
    packed = run(
        trained.module,
        preprocessing,
        check=check,
        samples=read_images(samples, preprocessing) if samples else None,
        info=trained.info,
    )
    packed.save(out)
    _print(packed, out)
    write_json(json, {"file": str(out), "bytes": out.stat().st_size, **packed.info})


def _print(packed: "PackedModel", out: Path) -> None:
    from signbit.format.report import HEADER, LEFT, report_rows

    print_table(HEADER, *report_rows(packed.info), left=LEFT)
    say(f"{out}: {out.stat().st_size:,} bytes")
    say(_verdict(packed.info))


def _verdict(info: Any) -> str:
    result = info.get("check")
    if result is None:
        return "not compared with torch (--no-check)"
    turned = f" ({result['bits_turned']} of themselves)" if result["bits_differ"] else ""
    return (
        f"self-check on {result['images']} images: {result['bits_differ']} of "
        f"{result['bits']:,} bits{turned} and {result['predictions_differ']} predictions differ "
        f"from torch's; scores by {result['largest_score_difference']:.1e} at most"
    )
