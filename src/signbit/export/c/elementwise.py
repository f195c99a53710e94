"""Operations other than convolutions as calls of C."""

from typing import Any

from signbit.export.c.node_code import NodeCode, NodeView, Snippet
from signbit.export.c.text import TYPES, literal
from signbit.export.c.weights import mask_words, words32_for
from signbit.format.types import BITS, I32, U8

WINDOW = Snippet("window")
_MULTIPLY_ADD = Snippet("fused_multiply_add")
_COPY_BITS = Snippet("copy_bits")


def threshold(view: NodeView) -> NodeCode:
    """Numbers to bits, where the threshold is not part of a convolution's call."""
    kind = _kind(view)
    code = NodeCode([bits_of(view.source.kind), Snippet("threshold_map", kind)], "")
    address = threshold_struct(code, view)
    code.call = f"threshold_{view.source.kind}({address}, {view.positions}, {{x0}}, {{out}})"
    return code


def bits_of(kind: str) -> Snippet:
    """The comparison of numbers with thresholds. A threshold for pixels may need over a byte."""
    words = {"KIND": kind, "TYPE": TYPES[kind], "LIMIT": TYPES[I32 if kind == U8 else kind]}
    return Snippet("threshold", words)


def threshold_struct(code: NodeCode, view: NodeView) -> str:
    """Define the constants of a threshold; returns the address of its struct."""
    channels, tensors = view.source.channels, view.node.tensors
    values = code.add_array(f"{view.name}_threshold", tensors["threshold"])
    below = code.add_array(f"{view.name}_below", mask_words(tensors["below"], channels))
    kind = f"threshold_{view.source.kind}"
    return code.add_struct(kind, view.name, [channels, values, below])


def affine(view: NodeView) -> NodeCode:
    """x * scale + bias, one rounding."""
    code = NodeCode([_MULTIPLY_ADD, Snippet("affine", _kind(view))], "")
    return _per_channel(code, view, f"affine_{view.source.kind}", "scale", "bias")


def normalize(view: NodeView) -> NodeCode:
    """Pixels to real numbers."""
    return _per_channel(NodeCode([Snippet("normalize")], ""), view, "normalize", "scale", "bias")


def prelu(view: NodeView) -> NodeCode:
    """x or slope * x."""
    return _per_channel(NodeCode([Snippet("prelu")], ""), view, "prelu", "slope")


def _per_channel(code: NodeCode, view: NodeView, function: str, *names: str) -> NodeCode:
    arrays = [code.add_array(f"{view.name}_{n}", view.node.tensors[n]) for n in names]
    sizes = f"{view.positions}, {view.source.channels}"
    code.call = f"{function}({sizes}, {{x0}}, {', '.join(arrays)}, {{out}})"
    return code


def flip(view: NodeView) -> NodeCode:
    """Bits of some channels negated."""
    code = NodeCode([Snippet("flip")], "")
    mask = mask_words(view.node.tensors["mask"], view.source.channels)
    name = code.add_array(f"{view.name}_mask", mask)
    code.call = f"flip({view.positions}, {len(mask)}, {{x0}}, {name}, {{out}})"
    return code


def signs(view: NodeView) -> NodeCode:
    """Bits to -1 and +1."""
    return _mapped(view, "signs")


def softmax(view: NodeView) -> NodeCode:
    """Probabilities."""
    return _mapped(view, "softmax")


def log_softmax(view: NodeView) -> NodeCode:
    """Their logarithms."""
    return _mapped(view, "log_softmax")


def _mapped(view: NodeView, function: str) -> NodeCode:
    sizes = f"{view.positions}, {view.source.channels}"
    return NodeCode([Snippet(function)], f"{function}({sizes}, {{x0}}, {{out}})")


def clamp(view: NodeView) -> NodeCode:
    """Between two bounds."""
    low, high = (literal(view.node.attributes[name]) for name in ("low", "high"))
    call = f"clamp({view.source.elements}, {low}, {high}, {{x0}}, {{out}})"
    return NodeCode([Snippet("clamp")], call)


def add(view: NodeView) -> NodeCode:
    """x + y."""
    return NodeCode([Snippet("add")], f"add({view.source.elements}, {{x0}}, {{x1}}, {{out}})")


def concat(view: NodeView) -> NodeCode:
    """The channels of all inputs, one after the other."""
    kind, to, calls = view.source.kind, 0, []
    snippets = (
        [_COPY_BITS, Snippet("concat_bits")] if kind == BITS else [Snippet("concat", _kind(view))]
    )
    words = view.positions * words32_for(view.gives.channels)
    if kind == BITS:
        calls.append(f"memset({{out}}, 0, {words} * sizeof(uint32_t))")
    for index, number in enumerate(view.node.inputs):
        channels = view.model.types[number].channels
        sizes = f"{view.positions}, {channels}, {{x{index}}}, {to}, {view.gives.channels}"
        calls.append(f"concat_{kind}({sizes}, {{out}})")
        to += channels
    return NodeCode(snippets, ";\n    ".join(calls))


def flatten(view: NodeView) -> NodeCode:
    """All elements as one row, in the order channel, row, column."""
    kind = view.source.kind
    snippets = (
        [_COPY_BITS, Snippet("flatten_bits")] if kind == BITS else [Snippet("flatten", _kind(view))]
    )
    sizes = f"{view.positions}, {view.source.channels}"
    return NodeCode(snippets, f"flatten_{kind}({sizes}, {{x0}}, {{out}})")


def max_pool(view: NodeView) -> NodeCode:
    """The highest of each window."""
    kind, size = view.source.kind, view.source.channels
    if kind == BITS:
        snippet, size = Snippet("max_pool_bits"), words32_for(size)
    else:
        # A comparison with NaN is false; NaN then stays the highest, as in NumPy.
        higher = {"i32": "value > out[c]", "f32": "value > out[c] || isnan(value)"}[kind]
        lowest = {"i32": "INT32_MIN", "f32": "-INFINITY"}[kind]
        snippet = Snippet("max_pool", _kind(view) | {"LOWEST": lowest, "HIGHER": higher})
    return _pool(view, snippet, f"max_pool_{kind}", f"{size}")


def avg_pool(view: NodeView) -> NodeCode:
    """The mean of each window."""
    count = int(view.node.attributes["count_padding"])
    return _pool(view, Snippet("avg_pool"), "avg_pool", f"{view.source.channels}, {count}")


def _pool(view: NodeView, snippet: Snippet, function: str, sizes: str) -> NodeCode:
    code = NodeCode([WINDOW, snippet], "")
    window = code.add_struct("window", view.name, view.window())
    code.call = f"{function}({window}, {sizes}, {{x0}}, {{out}})"
    return code


def _kind(view: NodeView) -> dict[str, Any]:
    return {"KIND": view.source.kind, "TYPE": TYPES[view.source.kind]}
