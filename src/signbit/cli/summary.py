"""Show the cost of each layer of a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._model import PACKED, open_model
from signbit.cli._options import Json, Settings, Zeros, architecture_of
from signbit.cli._output import print_table, say, write_json
from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.models import Architecture, LayerCost

Shape = tuple[int, int, int]


@commands.register("summary")
@examples(
    "signbit summary runs/digits",
    "signbit summary --model vgg_cifar10_binary --set model.inflation=0.25",
)
def summary(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            help="Run folder, checkpoint or packed .signbit file. Leave it out to see an untrained "
            "--model.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Name of an architecture: without MODEL, or for a checkpoint that does not "
            "contain it.",
        ),
    ] = None,
    settings: Settings = None,
    zeros: Zeros = None,
    json: Json = None,
) -> None:
    """Show shape, parameters, operations and bytes of each layer.

    The columns "1-bit" and "32-bit" are numbers of parameters; "32-bit" includes running
    statistics.

    The columns "bin MAC" and "real MAC" are multiply-adds for one image. Only convolutions and
    linear layers have them, and padded taps count. Both operands of a binary MAC are binary: a
    layer with real input has real MACs, even if its weights are binary.

    The column "bytes" is the size of the packed parameters before folding. A real number takes 4
    bytes. Binary weights take 8 bytes for each tap, each output channel and each word of up to 64
    input channels. The size of a .signbit file differs: it has thresholds instead of batch norms,
    and a header. The file of --json has the exact numbers.

    For a packed .signbit file, the command shows the inputs and outputs with their names, kinds and
    shapes. It shows each node with its operation, the values that it reads, the value that it
    returns, and the module that it came from.
    """
    if path is not None and path.suffix == PACKED:
        if model is not None or settings or zeros is not None:
            raise UsageError(f"{path} is packed; leave --model, --set and --zeros out")
        from signbit.cli._packed_summary import summarize_packed

        summarize_packed(path, json)
        return
    architecture, size = _describe(path, model, settings, zeros)
    from signbit.models import COUNTS, blueprint, summarize

    # On the device "meta" tensors take no memory. Only shapes are needed here.
    result = summarize(blueprint(architecture), size)
    totals = result.totals
    header = ["layer", "kind", "output", "1-bit", "32-bit", "bin MAC", "real MAC", "bytes"]
    sums = ["total", "", "", *(_short(totals[name]) for name in COUNTS)]
    print_table(header, [_row(layer) for layer in result.layers], sums, left=3)
    say(
        f"{path if path else architecture.name}: {totals['packed_bytes']:,} bytes "
        f"packed, {totals['float32_bytes']:,} as float32 "
        f"({totals['float32_bytes'] / max(totals['packed_bytes'], 1):.1f} times)",
        "The bytes are those before folding. signbit pack prints the size of a file.",
    )
    described = {"name": architecture.name, "options": architecture.options}
    write_json(json, {"model": described, "input": list(size), **result.to_dict()})


def _describe(
    path: Path | None, model: str | None, settings: list[str] | None, zeros: Zeros
) -> tuple["Architecture", Shape]:
    """The architecture and the shape of its input, (channels, height, width)."""
    if path is not None:
        trained = open_model(path, model, settings, zeros=zeros)
        return trained.architecture, (
            trained.preprocessing.channels,
            *trained.preprocessing.size,
        )
    if zeros is not None:
        raise UsageError("--zeros is for an old checkpoint; give MODEL, or leave --zeros out")
    architecture = architecture_of(model, settings)
    if architecture is None:
        raise UsageError("no model; give a run folder, a checkpoint, or --model NAME")
    from signbit.models import blueprint, option

    blueprint(architecture)  # refuses a wrong option before it is used
    height, width = option(architecture, "input_size", (32, 32))
    return architecture, (option(architecture, "in_channels", 3), height, width)


def _row(layer: "LayerCost") -> list[str]:
    from signbit.models import COUNTS

    shape = "x".join(map(str, layer.output))
    return [layer.path, layer.kind, shape, *(_short(getattr(layer, name)) for name in COUNTS)]


def _short(count: int) -> str:
    """A count in at most 5 characters: 950, 14.7k, 151M; 0 as a dash."""
    if count < 1000:
        return str(count) if count else "-"
    exponent = (len(str(count)) - 1) // 3
    text = f"{count / 1000**exponent:.3g}"
    if float(text) >= 1000:  # 999,600 rounds up to the next unit
        exponent, text = exponent + 1, "1"
    return text + "kMGTPE"[exponent - 1]
