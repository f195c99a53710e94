"""The `.c` and the `.h` of an exported network."""

from signbit.export._c.plan import Plan, Step
from signbit.export._c.text import template, text
from signbit.export._interface import ExportRequest

_HEADERS = {
    "fused_multiply_add": ["math.h", "string.h"],
    "softmax": ["math.h"],
    "log_softmax": ["math.h"],
    "max_pool": ["math.h"],
    "clamp": ["math.h"],
    "split_groups": ["string.h"],
    "flatten_bits": ["string.h"],
    "concat_bits": ["string.h"],
}


def arena_bytes(plan: Plan) -> int:
    """Memory of the values of a run."""
    return 4 * (plan.words + plan.reals)


def constant_bytes(plan: Plan) -> int:
    """Memory of weights, thresholds and other constants, without structs of a few words."""
    return sum(step.piece.constant_bytes for step in plan.steps)


def header(request: ExportRequest, plan: Plan) -> str:
    """What a program includes."""
    size = request.model.preprocessing
    classes = size.classes
    return template(
        "network.h",
        UPPER=request.name.upper(),
        NAME=request.name,
        HEIGHT_PIXELS=size.size[0],
        WIDTH_PIXELS=size.size[1],
        CHANNELS_OF=size.channels,
        CLASSES_OF=request.model.classes,
        COLOURS=", RGB" if size.channels == 3 else "",
        BYTES_OF_ARENA=arena_bytes(plan),
        BYTES_OF_CONSTANTS=constant_bytes(plan),
        CLASS_NAMES=_declared_names(request) if classes else "",
    )


def _declared_names(request: ExportRequest) -> str:
    name = request.name
    return f"extern const char *const {name}_class_names[{name.upper()}_CLASSES];\n\n"


def source(request: ExportRequest, plan: Plan) -> str:
    """Constants, functions, the run."""
    parts = []
    for step in plan.steps:
        parts += [part for part in step.piece.parts if part not in parts]
    upper = request.name.upper()
    common = {"UPPER": upper, "MOST_RUNS": plan.most_runs}
    found = {name for part in parts for name in _HEADERS.get(part.template, [])}
    constants = "".join(_constants(plan, step) for step in plan.steps)
    found |= {"math.h"} if "INFINITY" in constants else set()
    has_bits = any(part.template == "count" for part in parts)
    return template(
        "network.c",
        INCLUDES="".join(f"#include <{name}>\n" for name in sorted(found)),
        VECTORS=template("vectors.c", UPPER=upper) if has_bits else "",
        FUNCTIONS="\n".join(
            template(f"{part.template}.c", **part.words, **common) for part in parts
        ),
        CONSTANTS=constants,
        ARENAS=_arena("uint32_t", "word_arena", plan.words)
        + _arena("float", "real_arena", plan.reals),
        CALLS="".join(_call(plan, step, upper) for step in plan.steps),
        SCORES=plan.places[len(plan.model.nodes)],
        CLASS_NAMES=_class_names(request),
        UPPER=upper,
        NAME=request.name,
    )


def _arena(kind: str, name: str, cells: int) -> str:
    return f"static {kind} {name}[{cells}];\n" if cells else ""


def _constants(plan: Plan, step: Step) -> str:
    if not step.piece.constants:
        return ""
    ops = " and ".join(f"{n}, {plan.model.node(n).op}" for n in step.nodes)
    comment = f"/* Node {ops}: gives {plan.model.types[step.number]}. */\n"
    return comment + "".join(step.piece.constants) + "\n"


def _call(plan: Plan, step: Step, upper: str) -> str:
    lines = f"    {step.call};\n"
    if plan.gives_bits(step):
        lines += f"    {upper}_TRACE({step.number}, {plan.places[step.number]});\n"
    return lines


def _class_names(request: ExportRequest) -> str:
    names = request.model.preprocessing.classes
    if not names:
        return ""
    lines = "".join(f"    {text(name)},\n" for name in names)
    upper = request.name.upper()
    return f"const char *const {request.name}_class_names[{upper}_CLASSES] = {{\n{lines}}};\n\n"
