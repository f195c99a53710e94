"""The part of the manifest about the Verilog files."""

from typing import Any

from signbit.export._interface import ExportRequest
from signbit.export.verilog.cycles import Run
from signbit.export.verilog.stage import Geometry
from signbit.export.verilog.streams import StreamPlan
from signbit.export.verilog.text import memory_name

_CONVENTIONS = {
    "streams": "a beat passes in a cycle with valid and ready; a beat has all channels of one "
    "position, channel c in bit c, or for pixels in bits 8c to 8c + 7; maps are in raster order",
    "memories": ".mem is for $readmemh, and .coe holds the same words; the first field of a word "
    "is in the lowest bits; simulators look for .mem files in the folder where they run",
    "scores": "signed whole numbers; divided by 2**score_fraction they are the float32 scores "
    "before softmax, to the bit",
    "sums": "signed whole numbers, the first channel in the lowest bits",
    "class": "the class with the highest score before softmax; of equal scores, the first",
    "cycles": "of a layer, for an image and without waiting: padded positions - windows + windows "
    "* ceil(channels / parallel) for a convolution, positions * ceil(channels / parallel) for a "
    "linear layer, padded positions for pooling. Of the network, with waiting: results are the "
    "cycles from the end of the reset until the last beat of each golden sample was taken; a "
    "network with several inputs or outputs, or that joins streams, has no results",
}


def facts(request: ExportRequest, plan: StreamPlan, name: str, run: Run) -> dict[str, Any]:
    """The part of the manifest."""
    return {
        "verilog_conventions": dict(_CONVENTIONS),
        "top": name,
        "test_bench": f"{name}_tb",
        "parallel": plan.parallel,
        **({"score_fraction": plan.outputs[0].fraction} if plan.is_image else {}),
        "streams_in": [
            {"input": one.source.name, "ports": one.stream, "beats": one.beats, "bits": one.width}
            for one in plan.inputs
        ],
        "streams_out": [
            {
                "output": one.source.name,
                "ports": one.stream,
                "beats": one.value.positions,
                "bits": {name: field.width for name, field in one.fields.items()},
                "bits_of_a_number": {name: field.bits for name, field in one.fields.items()},
                **({"score_fraction": one.fraction} if one.scores is not None else {}),
            }
            for one in plan.outputs
        ],
        "results": run.results,
        "layers": [
            {"node": number, "op": request.model.node(number).op, "cycles": cycles}
            for number, cycles in layer_cycles(request, plan.parallel).items()
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
    """The cycles for an image, by node, without waiting.

    Nodes that take one cycle for each beat are left out.
    """
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
