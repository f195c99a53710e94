"""Operators that only move numbers. They need no rule: torch moves the elements' numbers itself."""

from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from signbit.pack._view import View, views_in

# The arguments that hold the moved numbers. The other arguments say where the numbers go.
_OF_ONE = """
flip roll rot90 tril triu repeat index index_select gather take take_along_dim
constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d
replication_pad1d replication_pad2d replication_pad3d
pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle im2col
upsample_nearest1d upsample_nearest2d _upsample_nearest_exact1d _upsample_nearest_exact2d
"""
MOVES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("cat", "stack"), ("tensors",)),
    **dict.fromkeys(_OF_ONE.split(), ("self",)),
    **dict.fromkeys(("slice_scatter", "select_scatter", "diagonal_scatter"), ("self", "src")),
    # These move by a condition, mask or indices that are constant.
    "where": ("self", "other"),
    "masked_fill": ("self", "value"),
    "index_put": ("self", "values"),
    "index_fill": ("self", "value"),
    "index_copy": ("self", "source"),
    "scatter": ("self", "src", "value"),
}


def moved(overload: Any, arguments: dict[str, Any], output: Tensor) -> View | None:
    """The elements of the output; None where places depend on the input, or numbers change."""
    data = [
        name
        for name in MOVES[overload.overloadpacket.__name__.removesuffix("_")]
        if name in arguments
    ]
    held = [one for name in data for one in views_in(arguments[name]) if not one.is_constant]
    adds = arguments.get("accumulate") or arguments.get("reduce")
    if adds or any(one.dtype != output.dtype for one in held):
        return None
    # Element 0 stands for a constant, because padding adds zeros.
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, int | float) and (name in data or name == "value"):
            given[name] = 0.0
        elif name in data:
            given[name] = tree_map_only(View, lambda view: (view.numbered() + 1).double(), value)
        else:
            given[name] = tree_map_only(View, _constant, value)
    if any(isinstance(one, _Unknown) for one in tree_leaves(given)):
        return None
    names = [argument.name for argument in overload._schema.arguments if not argument.kwarg_only]
    keywords = {name: value for name, value in given.items() if name not in names}
    elements = overload(*(given[name] for name in names), **keywords).round().long() - 1
    return View(tuple(output.shape), output.dtype, elements=elements)


class _Unknown:
    """An index that depends on the input."""


def _constant(view: View) -> Tensor | _Unknown:
    return _Unknown() if view.constants is None or not view.is_constant else view.constants
