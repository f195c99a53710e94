"""Fold and pack a trained network."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signbit.cli._app import commands
from signbit.cli._calibrate import (
    Calibrate,
    CalibrationData,
    Split,
    calibrate_file,
    calibrated_on,
    calibration_data,
    say_calibration,
)
from signbit.cli._classes import Classes, choose_classes
from signbit.cli._examples import examples
from signbit.cli._model import PACKED, open_model, read_images
from signbit.cli._options import DataDir, Download, Json, ModelName, Settings, Zeros
from signbit.cli._output import print_table, refuse_options, require_suffix, say, write_json
from signbit.cli._own_code import (
    Arguments,
    Crop,
    Mean,
    SignatureFile,
    Size,
    Std,
    Weights,
    is_own_code,
    open_own_code,
    own_module,
)
from signbit.cli._pack_report import print_report
from signbit.cli._sample_options import (
    Codes,
    Features,
    FrontEndText,
    Ignored,
    SampleOptions,
    Targets,
)
from signbit.cli._samples import read_samples
from signbit.cli._signature import read_signature

if TYPE_CHECKING:
    from signbit.convert import Report
    from signbit.format import PackedModel
    from signbit.models import TrainedModel


@commands.register("pack")
@examples(
    "signbit pack runs/digits -o packed.signbit",
    "signbit pack net.py:Net --weights net.pth --size 8x8 --mean 0.5 --std 0.5 -o net.signbit",
)
def pack(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="Run folder, .safetensors checkpoint, old .pth.tar (needs --model), or "
            "FILE.py:NAME, a class or function in your own code (needs --weights, and either "
            "--size, --mean and --std, or --signature). With --calibrate also a packed .signbit "
            "file.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.signbit", help="File to write.")
    ],
    samples: Annotated[
        list[Path] | None,
        typer.Option(
            "--samples",
            metavar="PATH",
            help="Image files or folders for the self-check; may be repeated. With --signature "
            "also one .npz file, with an array for each input.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check",
            help="Compare the packed network with torch. A difference is an error.",
        ),
    ] = True,
    model: ModelName = None,
    settings: Settings = None,
    classes: Classes = None,
    zeros: Zeros = None,
    weights: Weights = None,
    args: Arguments = None,
    size: Size = None,
    crop: Crop = None,
    mean: Mean = None,
    std: Std = None,
    signature: SignatureFile = None,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt",
            help="For FILE.py:NAME: replace its binary layers by layers of signbit. Each "
            "replacement is tested: it must compute the same as the layer.",
        ),
    ] = False,
    calibrate: Calibrate = None,
    split: Split = None,
    data_dir: DataDir = None,
    download: Download = False,
    features: Features = None,
    targets: Targets = None,
    ignored: Ignored = None,
    codes: Codes = False,
    front_end: FrontEndText = None,
    json: Json = None,
) -> None:
    """Fold and pack a trained network into bits and thresholds.

    Batch norm, bias and sign become one integer threshold per channel, which is found by running
    the trained modules themselves. The table shows what each module became, its bits before and
    after, and why a module stays real. The self-check runs torch and the packed network on random
    images and on --samples. If the network computes only with integers, its bits must be exactly
    those of torch. The file contains the class names of --classes, else those of the model.

    --calibrate needs data that the network was not trained on. The predicted classes stay the same.
    The file contains the calibration error before and after, on these data. The options --split,
    --data-dir, --download, --features, --target, --ignore, --codes and --front-end are for these
    data, as in `signbit evaluate`.

    FILE.py is imported, which executes it. The file of --weights is only read.
    """
    from signbit.format.file import SUFFIX

    require_suffix("--out", out, SUFFIX)
    options = SampleOptions(features, targets, ignored, codes, front_end=front_end)
    data = calibration_data(calibrate, split, data_dir, download, options)
    own = {"--weights": weights, "--args": args, "--size": size, "--mean": mean, "--std": std}
    own |= {"--crop": crop, "--signature": signature, "--adopt": adopt or None}
    of_ours = {"--model": model, "--set": settings or None, "--zeros": zeros}
    if path.suffix == PACKED:
        others = {"--samples": samples, "--classes": classes, "--no-check": None if check else True}
        refuse_options(path, {**own, **of_ours, **others}, "packed already")
        calibrate_file(path, out, data, json)
        return
    report = None
    if is_own_code(path):
        refuse_options(path, of_ours, "own code")
        if signature is not None:
            own |= {"--classes": classes, "--weights": None, "--args": None, "--signature": None}
            refuse_options(path, own, "described by --signature")
            packed = _described(path, weights, args, signature, samples, check)
            _finish(packed, out, json, data, {})
            return
        trained = open_own_code(path, weights, args, size, mean, std, crop)
        if adopt:
            trained, report = _adopted(trained)
    else:
        refuse_options(path, own, "a model of signbit")
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
    _finish(packed, out, json, data, {} if report is None else {"adopted": report.to_dict()})


def _described(
    path: Path,
    weights: Path | None,
    args: str | None,
    signature: Path,
    samples: list[Path] | None,
    check: bool,
) -> "PackedModel":
    """A network of the user's code, packed with the inputs and outputs of --signature."""
    inputs, outputs = read_signature(signature)
    answers = [one.name for one in outputs or ()]
    given = read_samples(samples, inputs, answers) if samples else None
    module, _ = own_module(path, weights, args)
    from signbit.pack import pack as run

    return run(module, inputs=inputs, outputs=outputs, check=check, samples=given)


def _finish(
    packed: "PackedModel",
    out: Path,
    json: Path | None,
    data: CalibrationData | None,
    more: dict[str, Any],
) -> None:
    if data is not None:
        packed = calibrated_on(packed, data)
    packed.save(out)
    print_report(packed, out)
    if data is not None:
        say_calibration(packed.info, data)
    write_json(json, {"file": str(out), "bytes": out.stat().st_size, **packed.info, **more})


def _adopted(trained: "TrainedModel") -> tuple["TrainedModel", "Report"]:
    """The network with its own binary layers replaced, tested on images of random pixels."""
    import torch

    from signbit.convert import adopt
    from signbit.models import to_input

    known = trained.preprocessing
    pixels = torch.randint(
        256,
        (2, *known.size, known.channels),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    module, report = adopt(trained.module, to_input(pixels, known).contiguous())
    print_table(("module", "was", "is now", "why"), report.rows(), left=4)
    say(
        f"adopted: {len(report.changes)} modules; the outputs before and after differ by at most "
        f"{report.difference:.1e}, on {len(report.compared)} inputs"
    )
    return replace(trained, module=module), report
