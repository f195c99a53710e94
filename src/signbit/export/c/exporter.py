"""Write the network as C."""

from pathlib import Path
from typing import Any

from signbit.export._interface import ExportRequest
from signbit.export._operations import exporter
from signbit.export.c.golden import golden_header, test_program
from signbit.export.c.header import header
from signbit.export.c.operations import OPERATIONS
from signbit.export.c.plan import make_plan
from signbit.export.c.source import source


@exporter("c", OPERATIONS)
def c(request: ExportRequest, folder: Path) -> dict[str, Any]:
    """Write `NAME.c` and `NAME.h`; `NAME_test.c` compares them with `NAME_golden.h`."""
    plan, name = make_plan(request.model), request.name
    texts = {
        f"{name}.h": header(request, plan),
        f"{name}.c": source(request, plan),
        f"{name}_golden.h": golden_header(request, plan),
        f"{name}_test.c": test_program(request, plan),
    }
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="ascii", newline="\n")
    return {
        "c_conventions": {
            "words": "channel c is bit c % 32 of the 32-bit word c // 32; bits after the last "
            "are 0",
        },
        "c": {
            "arena_bytes": plan.arena_bytes,
            "constant_bytes": plan.constant_bytes,
            "traced_nodes": [call.number for call in plan.calls if plan.gives_bits(call)],
        },
    }
