"""A program that compares the exported network with its golden vectors, bit for bit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._interface import ExportRequest
from signbit.export._rounding import Bound, open_bits, rounding_bounds
from signbit.export._template import template
from signbit.export.c.plan import CPlan
from signbit.export.c.text import array
from signbit.export.c.weights import words_of


def golden_header(request: ExportRequest, plan: CPlan) -> str:
    """Images, the bits of every call that returns bits, the scores, and their tolerances."""
    golden, model = request.golden, request.model
    images = golden.samples
    bounds = rounding_bounds(model, golden.values)
    lines = [
        array("golden_pixels", golden.inputs["pixels"].reshape(images, -1)),
        array("golden_scores", golden.outputs["scores"]),
        array("golden_tolerances", _tolerances(golden.outputs["scores"], bounds[-1])),
    ]
    rows = []
    for call in plan.calls:
        if not plan.gives_bits(call):
            continue
        name = f"golden_{call.number:02}"
        words = words_of(golden.values[call.number]).reshape(images, -1)
        lines.append(array(name, words))
        undecided = _open_bits(request, call.number, bounds)
        if undecided is not None:
            lines.append(array(f"{name}_open", words_of(undecided).reshape(images, -1)))
        opened = "NULL" if undecided is None else f"{name}_open[0]"
        rows.append((call.number, words.shape[1], f"{name}[0]", opened))
    table = "".join(f"    {{{', '.join(map(str, row))}}},\n" for row in rows)
    return template(
        "c",
        "golden.h",
        NAME=request.name,
        UPPER=request.name.upper(),
        ARRAYS="\n".join(lines),
        IMAGES_OF=images,
        TABLE=table,
        MAPS_OF=len(rows),
    )


def test_program(request: ExportRequest) -> str:
    """The test program. It runs wherever there is a printf."""
    return template("c", "test.c", NAME=request.name, UPPER=request.name.upper())


def _tolerances(scores: NDArray[np.float32], bound: Bound | None) -> NDArray[np.float32]:
    """The allowed difference of each score; the largest float where any difference is allowed."""
    if bound is None:
        return np.zeros_like(scores)
    most = np.finfo(np.float32).max
    with np.errstate(over="ignore"):
        rounded = bound.reshape(scores.shape).astype(np.float32)
    # Rounded up, so that it stays a bound.
    up = np.nextafter(rounded, np.float32(np.inf))
    return np.where(bound.reshape(scores.shape) > 0, np.minimum(up, most), np.float32(0))


def _open_bits(
    request: ExportRequest, number: int, bounds: Sequence[Bound | None]
) -> NDArray[Any] | None:
    """The bits of a map that depend on rounding; None where no bit of any image does."""
    node = request.model.node(number)
    if node.op != "threshold":
        return None
    source = node.inputs[0]
    found = open_bits(node, request.golden.values[source], bounds[source])
    return found if found is not None and found.any() else None
