"""Measure a packed network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._options import Json
from signbit.cli._output import print_table, say, write_json

if TYPE_CHECKING:
    from signbit.bench import Benchmark


@commands.register("bench")
@examples(
    "signbit bench digits.signbit --rounds 5",
    "signbit bench digits.signbit --threads 2 --no-peers --json times.json",
)
def bench(
    path: Annotated[Path, typer.Argument(metavar="FILE.signbit", help="Packed network.")],
    threads: Annotated[
        int,
        typer.Option("--threads", min=1, help="Number of threads of the engine and of the peers."),
    ] = 1,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="Number of measurements. Medians are printed.")
    ] = 50,
    with_peers: Annotated[
        bool,
        typer.Option(
            "--peers/--no-peers",
            help="Also measure torch, ONNX Runtime and OpenVINO, if installed.",
        ),
    ] = True,
    json: Json = None,
) -> None:
    """Measure latency and throughput of each layer and of the whole network.

    Every round measures the engine, the limit and the peers in turn, on random images. The limit is
    the speed of one thread that does nothing but multiply and add bits in registers, with the
    fewest instructions that the instruction set allows. The peers run float32 and int8 networks of
    the same shapes, with the same number of threads. The environment variable SIGNBIT_ISA forces
    an instruction set.
    """
    from signbit.bench import bench as run
    from signbit.format import PackedModel
    from signbit.format.signature import takes_picture
    from signbit.progress import progress_bar

    model = PackedModel.load(path)
    with progress_bar("measuring", rounds) as advance:
        result = run(model, threads, rounds=rounds, with_peers=with_peers, advance=advance)
    say(
        f"{path} on {result.processor}, {result.isa}, {threads} thread"
        f"{'s' if threads > 1 else ''}, medians of {rounds}"
    )
    _print_steps(result)
    _print_whole(result, "image" if takes_picture(model.inputs) else "sample")
    write_json(json, {"file": str(path), **result.to_dict()})


def _print_steps(result: "Benchmark") -> None:
    rows = []
    for step in result.steps:
        rows.append(
            (
                str(step.node),
                step.op,
                step.gives,
                f"{1e6 * step.seconds:.1f}",
                f"{step.share:.0%}",
                f"{step.macs_per_second:.2e}" if step.macs else "",
                f"{step.of_limit:.0%}" if step.of_limit else "",
            )
        )
    header = ("node", "operation", "output", "µs", "share", "MAC/s", "of limit")
    print_table(header, rows, left=3)


def _print_whole(result: "Benchmark", thing: str) -> None:
    """Print the speed of the whole network. thing: one word for its input, such as "image"."""
    if result.limit:
        say(
            f"limit, one thread: {result.limit:.2e} MAC/s ({result.limit_is}); for a layer with a "
            "single position, the limit is the time to read its weights"
        )
    rows = []
    for batch, seconds in result.seconds.items():
        rows.append((str(batch), "signbit", *_speed(seconds, result.macs), ""))
        for name, times in result.peers.items():
            longer = f"{times[batch] / seconds:.1f}"
            rows.append(("", name, *_speed(times[batch], result.macs), longer))
    article = "an" if thing == "image" else "a"
    header = (
        "batch",
        "runtime",
        f"ms {article} {thing}",
        f"{thing}s/s",
        "MAC/s",
        "times as long",
    )
    print_table(header, rows, left=2)
    for name, reason in result.missing.items():
        say(f"{name} is not measured: {reason}")


def _speed(seconds: float, macs: int) -> tuple[str, str, str]:
    return f"{1e3 * seconds:.3f}", f"{1 / seconds:,.0f}", f"{macs / seconds:.2e}"
