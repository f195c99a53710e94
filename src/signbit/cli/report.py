"""Show a network on one page."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from signbit import __version__
from signbit.cli._app import commands
from signbit.cli._classes import Classes, choose_classes
from signbit.cli._examples import examples
from signbit.cli._measure import SampleData, samples_of
from signbit.cli._model import PACKED, RunnablePath, open_model
from signbit.cli._options import BatchSize, DataDir, Download, ModelName, Settings, Zeros
from signbit.cli._output import require_distinct, require_suffix, say
from signbit.cli._sample_options import (
    DEFAULT_THRESHOLD,
    Codes,
    Features,
    FrontEndText,
    Ignored,
    SampleOptions,
    Targets,
    Threshold,
    note_clipped,
)
from signbit.errors import CheckpointError, UsageError, printable
from signbit.files import atomic_write

if TYPE_CHECKING:
    from signbit.format import PackedModel
    from signbit.report import BitShares, Observed
    from signbit.runtime.engine import Engine

_SPLITS = ("test", "train")
_NO_RUN = "MODEL is a file. The folder of a run also has the curves of its training."


@commands.register("report")
@examples(
    "signbit report runs/digits --data digits -o report.html",
    "signbit report digits.signbit --no-peers --rounds 3 -o bits.html",
)
def report(
    path: RunnablePath,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.html", help="File to write.")],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="D",
            help="Data set, as in `signbit evaluate`. Without it the page shows no accuracy, no "
            "mistakes and no activations.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="[test|train]",
            help="The part of the data set to use.  [default: test]",
        ),
    ] = None,
    data_dir: DataDir = None,
    download: Download = False,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            metavar="MODULE|NODE",
            help="The layer whose weights and activations are drawn.  [default: the first layer "
            "with binary weights]",
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option("--threads", min=1, help="Number of threads of the engine and of the peers."),
    ] = 1,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="Number of measurements. Medians are shown.")
    ] = 20,
    with_peers: Annotated[
        bool,
        typer.Option(
            "--peers/--no-peers",
            help="Also measure torch, ONNX Runtime and OpenVINO, if installed.",
        ),
    ] = True,
    batch_size: BatchSize = 256,
    model: ModelName = None,
    settings: Settings = None,
    classes: Classes = None,
    zeros: Zeros = None,
    features: Features = None,
    targets: Targets = None,
    ignored: Ignored = None,
    codes: Codes = False,
    threshold: Threshold = DEFAULT_THRESHOLD,
    front_end: FrontEndText = None,
) -> None:
    """Show a trained or packed network on one page of HTML.

    The page shows accuracy, confusion and the worst mistakes; size and time compared with float32
    and int8; the bits and the time of each layer; weights and activations of one layer as bitmaps;
    the curves of the training, with the flips of the weights; and bits that carry little
    information. The pictures are part of the page, which loads no other file. A trained network is
    packed first, which changes none of its bits.

    The times are measured while the page is made. --data and the options for it are those of
    `signbit evaluate`. docs/report.md shows a page.
    """
    from signbit.progress import progress_bar
    from signbit.report import Subject, choose_layer, render
    from signbit.runtime.engine import Engine

    require_suffix("--out", out, ".html", ".htm")
    require_distinct(model=path, out=out)
    options = SampleOptions(features, targets, ignored, codes, threshold, front_end)
    given = _given_data(data, split, data_dir, download, options, classes)
    opened = _open(path, model, settings, classes, zeros)
    chosen = choose_layer(opened.model, layer)
    engine = Engine(opened.model, threads)
    observed = None if given is None else _observe(engine, opened, given, options, batch_size)
    bits = None if observed is None else _bits(opened.model, observed, threads)
    from signbit.bench import bench

    with progress_bar("measuring times", rounds) as advance:
        times = bench(opened.model, threads, (1,), rounds, None, with_peers, advance)
    asked = {"--data": data, "--split": split, "--model": model, "--set": settings}
    asked |= {"--classes": classes, "--zeros": zeros, **options.given(), "--layer": layer}
    asked |= {"--threads": threads, "--rounds": rounds, "--no-peers": None if with_peers else True}
    facts = {
        "signbit": __version__,
        "command": _command(path, {**asked, "-o": out}),
        "data": "none" if observed is None else f"{observed.data}, {observed.samples:,} samples",
        "date": f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
    }
    page = render(
        Subject(
            name=str(path),
            model=opened.model,
            file_bytes=opened.file_bytes,
            benchmark=times,
            layer=chosen,
            curves=opened.curves,
            no_curves=opened.no_curves,
            observed=observed,
            bits=bits,
            facts=facts,
        )
    )
    atomic_write(out, page)
    say(f"{out}: {out.stat().st_size:,} bytes; open it in a browser")


class _Opened(NamedTuple):
    model: "PackedModel"
    file_bytes: int
    folder: Path
    classes: str | None
    curves: Sequence[Mapping[str, float]] | None
    no_curves: str


def _open(
    path: Path,
    model: str | None,
    settings: Sequence[str] | None,
    classes: str | None,
    zeros: Zeros,
) -> _Opened:
    """The packed network, and facts for the page. A trained network is packed here."""
    from signbit.format import PackedModel

    if path.suffix == PACKED:
        if model is not None or settings or zeros is not None:
            raise UsageError(
                f"{path} is packed, and contains its architecture; leave out --model, --set and "
                "--zeros"
            )
        why = "A packed file has no curves. They are in the folder of the run that it came from."
        return _Opened(PackedModel.load(path), path.stat().st_size, path.parent, classes, None, why)
    trained = open_model(path, model, settings, zeros=zeros)
    from signbit.format.file import to_bytes
    from signbit.pack import pack

    folder = trained.source.parent
    names = choose_classes(trained, classes, [folder])
    preprocessing = replace(trained.preprocessing, classes=names or ())
    packed = pack(trained.module, preprocessing, info=trained.info)
    curves, why = _curves(path)
    # The packed network has the names already.
    return _Opened(packed, len(to_bytes(packed)), folder, None, curves, why)


def _curves(path: Path) -> tuple[Sequence[Mapping[str, float]] | None, str]:
    """The rows of metrics.csv, or the reason why there are none. Raises: CheckpointError."""
    if not path.is_dir():
        return None, _NO_RUN
    from signbit.train import read_metrics

    if not (path / "metrics.csv").exists():
        return None, "The folder of the run has no metrics.csv."
    rows = read_metrics(path)
    if any("epoch" not in row for row in rows):
        raise CheckpointError(f"{printable(str(path))}: metrics.csv has a row without an epoch")
    return rows, "The run has no finished epoch."


def _given_data(
    data: str | None,
    split: str | None,
    data_dir: Path | None,
    download: bool,
    options: SampleOptions,
    classes: str | None,
) -> SampleData | None:
    """The values of --data and its options. Raises: UsageError for these without --data."""
    if split is not None and split not in _SPLITS:
        raise UsageError(f"--split {split}: give {' or '.join(_SPLITS)}")
    if data is not None:
        return SampleData(data, split or "test", data_dir, download)
    others = {"--split": split, "--data-dir": data_dir, "--download": download or None}
    others |= {"--classes": classes, **options.given()}
    alone = [name for name, value in others.items() if value is not None]
    if alone:
        raise UsageError(f"{alone[0]} is for --data; give --data too, or leave {alone[0]} out")
    return None


def _observe(
    engine: "Engine", opened: _Opened, given: SampleData, options: SampleOptions, batch_size: int
) -> "Observed":
    from signbit.progress import progress_bar
    from signbit.report import observe

    samples, targets = samples_of(engine, given, options, opened.classes, opened.folder)
    with progress_bar("evaluating", samples.count) as advance:
        observed = observe(engine, samples, targets, batch_size, options.threshold, advance)
    note_clipped(engine, observed.clipped)
    return observed


def _bits(model: "PackedModel", observed: "Observed", threads: int) -> "list[BitShares]":
    from signbit.progress import late_progress_bar
    from signbit.report import bit_shares, makers_of_bits

    with late_progress_bar("counting bits", len(makers_of_bits(model))) as advance:
        return bit_shares(model, observed.kept, threads, advance)


def _command(path: Path, options: Mapping[str, object]) -> str:
    """The command line, with the options that decide the content of the page."""
    words = ["signbit", "report", str(path)]
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                words += [name] if one is True else [name, str(one)]
    return shlex.join(words)
