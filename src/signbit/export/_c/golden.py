"""A program that compares the exported network with its golden vectors, bit for bit."""

from signbit.export._c.plan import Plan
from signbit.export._c.text import array, template
from signbit.export._c.weights import words_of
from signbit.export._types import Handover
from signbit.format import PackedModel

# Their sums depend on the order of the terms, which the format leaves open.
_INEXACT = ("conv_f32", "conv_f32_bits")
_ROUNDED_BY_LIBRARY = ("softmax", "log_softmax")


def golden_header(handover: Handover, plan: Plan) -> str:
    """Images, the bits of every step that gives bits, scores."""
    golden, inexact = handover.golden, inexact_nodes(handover.model)
    images = len(golden.pixels)
    lines = [
        array("golden_pixels", golden.pixels.reshape(images, -1)),
        array("golden_scores", golden.scores),
    ]
    rows = []
    for step in plan.steps:
        if not plan.gives_bits(step):
            continue
        words = words_of(golden.values[step.number]).reshape(images, -1)
        lines.append(array(f"golden_{step.number:02}", words))
        row = (step.number, words.shape[1], f"golden_{step.number:02}[0]")
        rows.append((*row, int(step.number in inexact)))
    table = "".join(f"    {{{', '.join(map(str, row))}}},\n" for row in rows)
    return template(
        "golden.h",
        NAME=handover.name,
        UPPER=handover.name.upper(),
        ARRAYS="\n".join(lines),
        IMAGES_OF=images,
        TABLE=table,
        MAPS_OF=len(rows),
        SCORE_TOLERANCE=tolerance(handover.model),
    )


def test_program(handover: Handover) -> str:
    """Runs on anything that has a printf."""
    return template("test.c", NAME=handover.name, UPPER=handover.name.upper())


def inexact_nodes(model: PackedModel) -> set[int]:
    """Nodes whose bits may differ where a real-valued sum was rounded otherwise."""
    found: set[int] = set()
    for number, node in enumerate(model.nodes, 1):
        if node.op in _INEXACT or found & set(node.inputs):
            found.add(number)
    return found


def tolerance(model: PackedModel) -> str:
    """How far a score may lie from the golden one, relative to it where it is above 1."""
    if inexact_nodes(model):
        return "1e-3f"
    rounded = any(node.op in _ROUNDED_BY_LIBRARY for node in model.nodes)
    return "1e-5f" if rounded else "0.0f"
