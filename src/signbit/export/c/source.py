"""The `.c` of an exported network."""

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.export.c.arguments import Argument, declarations, parameters
from signbit.export.c.header import array_of_names
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


def source(request: ExportRequest, plan: CPlan) -> str:
    """The source file: constants, functions, and the function that runs the network."""
    snippets = []
    for call in plan.calls:
        snippets += [snippet for snippet in call.code.snippets if snippet not in snippets]
    upper = request.name.upper()
    common = {"UPPER": upper, "MOST_RUNS": plan.most_runs}
    found = {name for snippet in snippets for name in _HEADERS.get(snippet.template, [])}
    constants = "".join(_constants(plan, call) for call in plan.calls)
    calls = _calls(plan, upper)
    found |= {"math.h"} if "INFINITY" in constants + calls else set()
    found |= {"string.h"} if plan.copied else set()
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
        CHANNEL_NAMES="".join(_names(request, one) for one in plan.arguments.outputs),
        ENTRY=_entry(request, plan, calls),
        UPPER=upper,
        NAME=request.name,
    )


def _arena(kind: str, name: str, cells: int) -> str:
    return f"static {kind} {name}[{cells}];\n" if cells else ""


def _constants(plan: CPlan, call: Call) -> str:
    if not call.code.constants:
        return ""
    ops = " and ".join(f"{n}, {plan.model.node(n).op}" for n in call.nodes)
    comment = f"/* Node {ops}: returns {plan.model.types[call.number]}. */\n"
    return comment + "".join(call.code.constants) + "\n"


def _calls(plan: CPlan, upper: str) -> str:
    read = {source for call in plan.calls for source in call.inputs}
    lines = [
        f"(void){one.parameter}; /* no node reads it */"
        for one in plan.arguments.inputs
        if one.number not in read
    ]
    for call in plan.calls:
        lines.append(f"{call.text};")
        if plan.gives_bits(call):
            lines.append(f"{upper}_TRACE({call.number}, {plan.places[call.number]});")
    for output in plan.copied:
        size = f"{output.count} * sizeof *{output.parameter}"
        lines.append(f"memcpy({output.parameter}, {plan.place(output)}, {size});")
    return "".join(f"    {line}\n" for line in lines)


def _entry(request: ExportRequest, plan: CPlan, calls: str) -> str:
    """The functions that the header declares, around the calls."""
    arguments, scores = plan.arguments, plan.arguments.scores
    every = declarations([*arguments.inputs, *arguments.outputs])
    words = {"CALLS": calls, "NAME": request.name, "UPPER": request.name.upper(), "EVERY": every}
    if scores is None:
        return template("c", "run.c", **words)
    shared = [*arguments.inputs, *arguments.others]
    words |= {"SHARED": declarations(shared), "PASSED": parameters(shared)}
    words |= {"PLACE": plan.place(scores), "SCORES": scores.parameter}
    return template("c", "classify.c", FUNCTION=arguments.function, **words)


def _names(request: ExportRequest, output: Argument) -> str:
    if not output.names:
        return ""
    lines = "".join(f"    {text(name)},\n" for name in output.names)
    return f"{array_of_names(request.name, output)} = {{\n{lines}}};\n\n"
