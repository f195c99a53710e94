"""The `.c` and the `.h` of an exported network."""

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.export.c.plan import Call, CPlan
from signbit.export.c.text import text

_HEADERS = {
    "fused_multiply_add": ["math.h", "string.h"],
    "softmax": ["math.h"],
    "log_softmax": ["math.h"],
    "max_pool": ["math.h"],
    "clamp": ["math.h"],
    "split_groups": ["string.h"],
    "flatten_bits": ["string.h"],
    "concat_bits": ["string.h"],
    "move": ["string.h"],
    "move_bits": ["string.h"],
    "unary": ["math.h"],
    "binary": ["math.h"],
    "reduce": ["math.h"],
}


def arena_bytes(plan: CPlan) -> int:
    """Bytes of memory for the values of a run."""
    return 4 * (plan.words + plan.reals)


def constant_bytes(plan: CPlan) -> int:
    """Bytes of weights, thresholds and other constants, without the small structs."""
    return sum(call.code.constant_bytes for call in plan.calls)


def header(request: ExportRequest, plan: CPlan) -> str:
    """The header file that a program includes."""
    size = request.model.preprocessing
    classes = size.classes
    return template(
        "c",
        "network.h",
        UPPER=request.name.upper(),
        NAME=request.name,
        HEIGHT_PIXELS=size.size[0],
        WIDTH_PIXELS=size.size[1],
        CHANNELS_OF=size.channels,
        CLASSES_OF=request.model.types[-1].channels,
        COLOURS=", RGB" if size.channels == 3 else "",
        BYTES_OF_ARENA=arena_bytes(plan),
        BYTES_OF_CONSTANTS=constant_bytes(plan),
        CLASS_NAMES=_declared_names(request) if classes else "",
    )


def _declared_names(request: ExportRequest) -> str:
    name = request.name
    return f"extern const char *const {name}_class_names[{name.upper()}_CLASSES];\n\n"


def source(request: ExportRequest, plan: CPlan) -> str:
    """The source file: constants, functions, and the function that runs the network."""
    snippets = []
    for call in plan.calls:
        snippets += [snippet for snippet in call.code.snippets if snippet not in snippets]
    upper = request.name.upper()
    common = {"UPPER": upper, "MOST_RUNS": plan.most_runs}
    found = {name for snippet in snippets for name in _HEADERS.get(snippet.template, [])}
    constants = "".join(_constants(plan, call) for call in plan.calls)
    found |= {"math.h"} if "INFINITY" in constants else set()
    has_bits = any(snippet.template == "count" for snippet in snippets)
    return template(
        "c",
        "network.c",
        INCLUDES="".join(f"#include <{name}>\n" for name in sorted(found)),
        VECTORS=template("c", "vectors.c", UPPER=upper) if has_bits else "",
        FUNCTIONS="\n".join(
            template("c", f"{snippet.template}.c", **snippet.words, **common)
            for snippet in snippets
        ),
        CONSTANTS=constants,
        ARENAS=_arena("uint32_t", "word_arena", plan.words)
        + _arena("float", "real_arena", plan.reals),
        CALLS="".join(_call(plan, call, upper) for call in plan.calls),
        SCORES=plan.places[len(plan.model.nodes)],
        CLASS_NAMES=_class_names(request),
        UPPER=upper,
        NAME=request.name,
    )


def _arena(kind: str, name: str, cells: int) -> str:
    return f"static {kind} {name}[{cells}];\n" if cells else ""


def _constants(plan: CPlan, call: Call) -> str:
    if not call.code.constants:
        return ""
    ops = " and ".join(f"{n}, {plan.model.node(n).op}" for n in call.nodes)
    comment = f"/* Node {ops}: gives {plan.model.types[call.number]}. */\n"
    return comment + "".join(call.code.constants) + "\n"


def _call(plan: CPlan, call: Call, upper: str) -> str:
    lines = f"    {call.text};\n"
    if plan.gives_bits(call):
        lines += f"    {upper}_TRACE({call.number}, {plan.places[call.number]});\n"
    return lines


def _class_names(request: ExportRequest) -> str:
    names = request.model.preprocessing.classes
    if not names:
        return ""
    lines = "".join(f"    {text(name)},\n" for name in names)
    upper = request.name.upper()
    return f"const char *const {request.name}_class_names[{upper}_CLASSES] = {{\n{lines}}};\n\n"
