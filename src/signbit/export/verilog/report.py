"""What the manifest says of the Verilog files."""

from collections.abc import Sequence
from typing import Any

from signbit.export._interface import ExportRequest
from signbit.export.verilog.plan import StreamPlan
from signbit.export.verilog.stage import Geometry
from signbit.export.verilog.text import memory_name

_CONVENTIONS = {
    "streams": "a beat passes in a cycle with valid and ready; one position a beat, all its "
    "channels, channel c in bit c, of pixels in bits 8c to 8c + 7; maps in raster order",
    "memories": ".mem is for $readmemh, .coe holds the same words; their first field is in the "
    "lowest bits; simulators look for .mem files in the folder where they run",
    "scores": "signed whole numbers; divided by 2**score_fraction they are the float32 scores "
    "before softmax, to the bit",
    "class": "of the highest score before softmax, of equal ones the first",
    "cycles": "of a layer, for an image, where it waits for nobody: padded positions - windows "
    "+ windows * ceil(channels / parallel) for a convolution, positions * ceil(channels / "
    "parallel) for a linear layer, padded positions for pooling; of the network, with waiting: "
    "results, the cycles from the end of the reset until each golden image's result was taken",
}


def facts(
    request: ExportRequest, plan: StreamPlan, name: str, parallel: int, results: Sequence[int]
) -> dict[str, Any]:
    """The manifest's part."""
    return {
        "verilog_conventions": dict(_CONVENTIONS),
        "top": name,
        "test_bench": f"{name}_tb",
        "parallel": parallel,
        "score_fraction": plan.fraction,
        "results": [cycle + 1 for cycle in results],
        "layers": [
            {"node": number, "op": request.model.node(number).op, "cycles": cycles}
            for number, cycles in layer_cycles(request, parallel).items()
        ],
        "memories": [
            {
                "file": f"{memory_name(name, stage)}.mem",
                "node": stage.node,
                "words": len(stage.memory.words),
                "width": stage.memory.width,
                "layout": stage.memory_layout,
            }
            for stage in plan.stages
            if stage.memory is not None
        ],
    }


def layer_cycles(request: ExportRequest, parallel: int) -> dict[int, int]:
    """For an image, by node, without waiting; of what takes a cycle for a beat, nothing."""
    cycles = {}
    model = request.model
    for number in model.needed():
        node = model.node(number)
        if "kernel" not in node.attributes:
            continue
        geometry = Geometry.of(node, model.types[node.inputs[0]])
        steps = geometry.padded[0] * geometry.padded[1]
        if node.op == "max_pool":
            cycles[number] = steps
            continue
        passes = -(-node.attributes["channels"] // parallel)
        if geometry.is_whole_map:
            cycles[number] = steps * passes
        else:
            cycles[number] = steps + geometry.windows * (passes - 1)
    return cycles
