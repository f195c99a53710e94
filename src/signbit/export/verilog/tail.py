"""The stages after the last sums: scores and class."""

from signbit.export.verilog import cycles
from signbit.export.verilog.memory import Memory, join
from signbit.export.verilog.scores import Affine
from signbit.export.verilog.stage import Stage


def serial(number: int, channels: int, source: Stage) -> Stage:
    """A stage that gives the sums one by one."""
    lanes, bits = int(source.parameters["LANES"]), int(source.parameters["SUM_BITS"])
    return Stage(
        number,
        "serial",
        "signbit_serial",
        source.name,
        {"CHANNELS": channels, "LANES": lanes, "SUM_BITS": bits},
        {"s_sums": "sums"},
        {"m_score": bits, "m_sum": bits},
        cycles.serial(channels, lanes),
    )


def affine(number: int, numbers: Affine, source: Stage) -> Stage:
    """The stage of one affine node of the scores."""
    words = [
        join(pair, [numbers.scale_bits, numbers.bits])
        for pair in zip(numbers.scale, numbers.bias, strict=True)
    ]
    sum_bits = source.outputs["m_sum"]
    return Stage(
        number,
        "affine",
        "signbit_affine",
        source.name,
        {
            "CLASSES": len(words),
            "X_BITS": source.outputs["m_score"],
            "SCALE_BITS": numbers.scale_bits,
            "Y_BITS": numbers.bits,
            "SHIFT": numbers.shift,
            "SUM_BITS": sum_bits,
        },
        {"s_score": "score", "s_sum": "sum"},
        {"m_score": numbers.bits, "m_sum": sum_bits},
        cycles.affine,
        Memory(numbers.scale_bits + numbers.bits, words),
        memory_layout=f"word class, a scale of {numbers.scale_bits} bits and above it a bias of "
        f"{numbers.bits}, both in two's complement",
    )


def argmax(number: int, classes: int, source: Stage) -> Stage:
    """The stage that gives the class, all scores and all sums of an image."""
    scores, sum_bits = source.outputs["m_score"], source.outputs["m_sum"]
    class_bits = max((classes - 1).bit_length(), 1)
    return Stage(
        number,
        "argmax",
        "signbit_argmax",
        source.name,
        {
            "CLASSES": classes,
            "CLASS_BITS": class_bits,
            "SCORE_BITS": scores,
            "SUM_BITS": sum_bits,
        },
        {"s_score": "score", "s_sum": "sum"},
        {
            "m_class": class_bits,
            "m_scores": classes * scores,
            "m_sums": classes * sum_bits,
        },
        cycles.collect(classes),
    )
