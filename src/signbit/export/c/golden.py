"""A program that compares the exported network with its golden vectors, bit for bit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._interface import ExportRequest
from signbit.export._rounding import Bound, open_bits, rounding_bounds
from signbit.export._template import template
from signbit.export.c.arguments import Argument
from signbit.export.c.plan import CPlan
from signbit.export.c.text import array
from signbit.export.c.weights import words_of
from signbit.format.types import F32


def golden_header(request: ExportRequest, plan: CPlan) -> str:
    """Inputs, the bits of every call that returns bits, outputs, and their tolerances."""
    golden, model = request.golden, request.model
    samples = golden.samples
    bounds = rounding_bounds(model, golden.values)
    lines = [_array(golden.inputs[one.name], "in", one) for one in plan.arguments.inputs]
    for one in plan.arguments.outputs:
        lines.append(_array(golden.outputs[one.name], "out", one))
        if one.value.kind == F32:
            tolerances = _tolerances(golden.outputs[one.name], bounds[one.number])
            lines.append(_array(tolerances, "tolerance", one))
    rows = []
    for call in plan.calls:
        if not plan.gives_bits(call):
            continue
        name = f"golden_{call.number:02}"
        words = words_of(golden.values[call.number]).reshape(samples, -1)
        lines.append(array(name, words))
        undecided = _open_bits(request, call.number, bounds)
        if undecided is not None:
            lines.append(array(f"{name}_open", words_of(undecided).reshape(samples, -1)))
        opened = "NULL" if undecided is None else f"{name}_open[0]"
        rows.append((call.number, words.shape[1], f"{name}[0]", opened))
    table = "".join(f"    {{{', '.join(map(str, row))}}},\n" for row in rows)
    return template(
        "c",
        "golden.h",
        NAME=request.name,
        UPPER=request.name.upper(),
        ARRAYS="\n".join(lines),
        SAMPLES_OF=samples,
        TABLE=table,
        MAPS_OF=len(rows),
    )


def test_program(request: ExportRequest, plan: CPlan) -> str:
    """The test program. It runs wherever there is a printf."""
    arguments, upper = plan.arguments, request.name.upper()
    words = {"NAME": request.name, "UPPER": upper}
    golden = [f"golden_in_{one.name}[sample]" for one in arguments.inputs]
    are_real = [one.value.kind == F32 for one in arguments.outputs]
    functions = [template("c", "test_reals.c", **words)] if any(are_real) else []
    functions += [template("c", "test_exact.c", **words)] if not all(are_real) else []
    if arguments.scores is not None:
        passed = ", ".join([*golden, *map(_found, arguments.others)])
        scores = _found(arguments.scores)
        functions.append(template("c", "test_class.c", PASSED=passed, SCORES=scores, **words))
    return template(
        "c",
        "test.c",
        FOUND="".join(
            f"static {one.type} {_found(one)}[{upper}_{one.macro}_COUNT];\n"
            for one in arguments.outputs
        ),
        FUNCTIONS="\n".join(functions),
        COMPARISONS="".join(_comparison(one, upper) for one in arguments.outputs),
        CLASS="    check_class();\n" if arguments.scores is not None else "",
        AND_CLASSES=" and classes" if arguments.scores is not None else "",
        FUNCTION=arguments.function,
        PASSED=", ".join([*golden, *map(_found, arguments.outputs)]),
        **words,
    )


def _found(output: Argument) -> str:
    return f"found_{output.name}"


def _comparison(output: Argument, upper: str) -> str:
    name = output.name
    compared = (
        f'"{name}", {upper}_{output.macro}_COUNT, {_found(output)}, golden_out_{name}[sample]'
    )
    if output.value.kind == F32:
        return f"        check_reals({compared}, golden_tolerance_{name}[sample]);\n"
    return f"        check_exact({compared}, sizeof *{_found(output)});\n"


def _array(values: NDArray[Any], role: str, one: Argument) -> str:
    """The values of an input or output, a row for each sample."""
    rows = words_of(values) if values.dtype == bool else values
    return array(f"golden_{role}_{one.name}", rows.reshape(len(rows), -1))


def _tolerances(found: NDArray[np.float32], bound: Bound | None) -> NDArray[np.float32]:
    """The allowed difference of each number; the largest float where any difference is allowed."""
    if bound is None:
        return np.zeros_like(found)
    most = np.finfo(np.float32).max
    with np.errstate(over="ignore"):
        rounded = bound.reshape(found.shape).astype(np.float32)
    # Rounded up, so that it stays a bound.
    up = np.nextafter(rounded, np.float32(np.inf))
    return np.where(bound.reshape(found.shape) > 0, np.minimum(up, most), np.float32(0))


def _open_bits(
    request: ExportRequest, number: int, bounds: Sequence[Bound | None]
) -> NDArray[Any] | None:
    """The bits of a map that depend on rounding; None where there are none in any sample."""
    node = request.model.node(number)
    if node.op != "threshold":
        return None
    source = node.inputs[0]
    found = open_bits(node, request.golden.values[source], bounds[source])
    return found if found is not None and found.any() else None
