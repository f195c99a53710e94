"""The figures of docs/benchmark.md, from what `bench/measure.py` measured on each machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.tables import code, markdown_table, tables

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "measured"


@tables.register("benchmark")
def benchmark() -> str:
    """For each machine: all networks in one table; then each network, its runtimes and layers."""
    files = sorted(RESULTS.glob("*.json"))
    return "\n\n".join(_machine(json.loads(file.read_text("utf-8"))) for file in files)


def _machine(measured: dict[str, Any]) -> str:
    run = next(iter(measured["networks"].values()))[0]
    head = f"""### {run["processor"]}, {run["isa"]}

Measured by `{measured["command"]}` on {measured["date"]}, {measured["system"]}.

![Milliseconds of an image](pictures/benchmark_{run["isa"]}.png)

{_summary(measured["networks"])}"""
    return "\n\n".join([head, *(_network(*one) for one in measured["networks"].items())])


def _summary(networks: dict[str, list[dict[str, Any]]]) -> str:
    """Batch 1 in the first run of each network, which has one thread."""
    peers = list(next(iter(networks.values()))[0]["peers"])
    rows = []
    for name, runs in networks.items():
        own = runs[0]["seconds"]["1"]
        others = (runs[0]["peers"][peer]["1"] / own for peer in peers)
        rows.append((name, f"{1e3 * own:.3f}", *(f"{times:.1f}" for times in others)))
    title = ("network", "ms an image", *(f"{peer}, times as long" for peer in peers))
    return f"Batch 1, one thread:\n\n{markdown_table(title, rows)}"


def _network(name: str, runs: list[dict[str, Any]]) -> str:
    run = runs[0]
    limit = f"; limit {run['limit']:.2e} MAC/s ({run['limit_is']})" if run["limit"] else ""
    whole = ("threads", "batch", "runtime", "ms an image", "compared with signbit")
    layers = ("operation", "output", "µs", "share", "MAC/s", "of the limit")
    return f"""#### {name}, {run["isa"]}

{markdown_table(whole, _runtimes(runs))}
By layer, {run["threads"]} thread, batch 1{limit}:

{markdown_table(layers, _layers(run))}"""


def _runtimes(runs: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for run in runs:
        for batch, own in run["seconds"].items():
            where = (str(run["threads"]), batch)
            yield (*where, f"signbit, {run['isa']}", f"{1e3 * own:.3f}", "")
            for peer, times in run["peers"].items():
                seconds = times[batch]
                yield ("", "", peer, f"{1e3 * seconds:.3f}", f"{seconds / own:.1f} times as long")


def _layers(run: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for step in run["steps"]:
        seconds, macs, limit = step["seconds"], step["macs"], step["limit_seconds"]
        yield (
            code(step["op"]),
            step["gives"],
            f"{1e6 * seconds:.1f}",
            f"{step['share']:.0%}",
            f"{macs / seconds:.2e}" if macs else "",
            f"{limit / seconds:.0%}" if limit else "",
        )
