"""The contents of the streams for the golden images."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from signbit.export._interface import ExportRequest
from signbit.export.verilog.memory import Memory, join, memory_of_bits, memory_of_numbers
from signbit.export.verilog.plan import StreamPlan
from signbit.format.parameters import node_name


def golden_memories(request: ExportRequest, plan: StreamPlan) -> dict[str, Memory]:
    """The golden files, by the part of their names after `NAME_golden_`."""
    values = request.golden.values
    images = request.golden.samples
    memories = {"pixels": _pixels(request.golden.inputs["pixels"])}
    for number, _ in plan.checked:
        memories[node_name(number)] = _bits(values[number])
    result = plan.stages[-1]
    class_bits, score_bits = result.outputs["m_class"], int(result.parameters["SCORE_BITS"])
    real = values[plan.last_score].reshape(images, -1)
    scores = [[int(Fraction(float(s)) * 2**plan.fraction) for s in row] for row in real]
    memories["class"] = memory_of_numbers(real.argmax(1)[:, None], class_bits)
    memories["scores"] = memory_of_numbers(scores, score_bits)
    sums = values[plan.last_sums].reshape(images, -1).astype(np.int64)
    memories["sums"] = memory_of_numbers(sums, int(result.parameters["SUM_BITS"]))
    return memories


def _bits(value: NDArray[np.bool_]) -> Memory:
    """A word for each position of each image.  Shape: (N, H, W, C)."""
    return memory_of_bits(value.reshape(-1, value.shape[-1]))


def _pixels(value: NDArray[np.uint8]) -> Memory:
    """A word for each position of each image, the first channel the lowest 8 bits."""
    rows: Sequence[Sequence[int]] = value.reshape(-1, value.shape[-1]).tolist()
    return Memory(8 * value.shape[-1], [join(row, [8] * len(row)) for row in rows])
