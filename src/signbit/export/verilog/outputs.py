"""The last stages of each output, and its port."""

import numpy as np

from signbit.export._interface import ExportRequest
from signbit.export._operations import refusal
from signbit.export.verilog import layers, tail
from signbit.export.verilog.ports import Field, OutputPort, beat_bits
from signbit.export.verilog.streams import StreamPlan
from signbit.format import Output
from signbit.format.signature import CLASSES
from signbit.format.types import F32, I32, U8


def add_output(plan: StreamPlan, output: Output) -> None:
    """Add what an output needs after the stages of its node.

    Raises: ExportError where it is a softmax that is not for classes.
    """
    stream, value = plan.streams[output.node], plan.model.types[output.node]
    if value.kind == F32:
        _add_scores(plan, output)
        return
    if value.kind == I32:
        bits = int(stream.giver.parameters["SUM_BITS"])
        stage = layers.collect(output.node, value.channels, stream.giver, "sums", bits)
        plan.stages.append(stage)
        fields = {"data": Field("data", value.channels * bits, bits)}
        port = OutputPort(output, value, stage.name, fields, plan.is_image)
    else:
        fields = {"data": Field("data", beat_bits(value), 8 if value.kind == U8 else 1)}
        port = OutputPort(output, value, stream.name, fields, plan.is_image)
    plan.outputs.append(port)


def _add_scores(plan: StreamPlan, output: Output) -> None:
    stream, channels = plan.streams[output.node], plan.model.types[output.node].channels
    score_bits, sum_bits = (stream.giver.outputs[port] for port in ("m_score", "m_sum"))
    scores = Field("scores", channels * score_bits, score_bits)
    if output.kind == CLASSES:
        stage = tail.argmax(output.node, channels, stream.giver)
        fields = {
            "class": Field("class", stage.outputs["m_class"], stage.outputs["m_class"]),
            "scores": scores,
            "sums": Field("sums", channels * sum_bits, sum_bits),
        }
    elif stream.is_softmax:
        raise refusal(
            plan.model, output.node, "verilog",
            f"output {output.name!r} has the kind {output.kind}; softmax is allowed only for "
            "classes, which are the same before and after it",
        )  # fmt: skip
    else:
        stage = layers.collect(output.node, channels, stream.giver, "score", score_bits)
        fields = {"scores": scores._replace(signal="data")}
    plan.stages.append(stage)
    plan.outputs.append(
        OutputPort(
            output,
            plan.model.types[output.node],
            stage.name,
            fields,
            plan.is_image,
            stream.sums,
            stream.affines[-1],
            stream.fraction,
        )
    )


def require_class(request: ExportRequest, plan: StreamPlan) -> None:
    """Refuse golden samples whose class differs before and after softmax.

    The Verilog finds the class before softmax. Softmax could round two scores to the same number.

    Raises: ExportError, which names a golden sample where that changes the class.
    """
    values = request.golden.values
    for port in plan.outputs:
        if port.scores is None or port.source.kind != CLASSES:
            continue
        before, after = (values[n].argmax(-1) for n in (port.scores, port.source.node))
        for place in np.argwhere(before != after)[:1].tolist():
            sample = tuple(place)
            raise refusal(
                request.model, port.source.node, "verilog",
                f"for golden sample {place[0]} it rounds the scores of classes {before[sample]} "
                f"and {after[sample]} to the same number; choose other samples",
            )  # fmt: skip
