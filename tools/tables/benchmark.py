"""The figures of docs/benchmark.md, from what `bench/measure.py` measured."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.tables import code, markdown_table, tables

RESULT = Path(__file__).resolve().parents[2] / "bench" / "measured.json"


@tables.register("benchmark")
def benchmark() -> str:
    """Each network under a heading: the runtimes, then the layers of signbit."""
    measured = json.loads(RESULT.read_text("utf-8"))
    head = f"Measured by `{measured['command']}` on {measured['date']}, {measured['system']}."
    return "\n\n".join([head, *(_network(*one) for one in measured["networks"].items())])


def _network(name: str, runs: list[dict[str, Any]]) -> str:
    run = runs[0]
    limit = f"; limit {run['limit']:.2e} MAC/s ({run['limit_is']})" if run["limit"] else ""
    whole = ("threads", "batch", "runtime", "ms an image", "compared with signbit")
    layers = ("operation", "output", "µs", "share", "MAC/s", "of the limit")
    return f"""### {name}

{run["processor"]}:

{markdown_table(whole, _runtimes(runs))}
By layer, {run["isa"]}, {run["threads"]} thread, batch 1{limit}:

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
